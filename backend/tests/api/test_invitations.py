"""招待のリンク。"""

import asyncio
from typing import Any

import httpx
from sqlalchemy import select
from structlog.testing import capture_logs

from harness.api import Api, created, field_codes, found, problem
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.users import invitations

PASSWORD = "four random words here"


async def invite(admin: httpx.AsyncClient, **more: Any) -> str:
    """招待を作り、リンクの値を返す。"""
    made = created(await admin.post("/invitations", json={"role": "operator"} | more))
    path, _, token = made["path"].partition("#")
    assert path == "/invite"
    return str(token)


def joining(token: str, name: str = "yuki", password: str = PASSWORD) -> dict[str, str]:
    return {"token": token, "username": name, "password": password}


async def test_link_makes_a_user_once(api: Api, admin: httpx.AsyncClient) -> None:
    """リンクを開くと中身が読め、名前とパスワードを選んで入れる。二度は使えない。"""
    token = await invite(admin, note="for Yuki")
    async with api.anonymous() as guest:
        look = found(await guest.post("/auth/invitation", json={"token": token}))
        assert (look["role"], look["invited_by"]) == ("operator", "admin-user")
        assert "note" not in look
        answer = found(await guest.post("/auth/join", json=joining(token)))
        guest.headers["Authorization"] = f"Bearer {answer['access_token']}"
        me = found(await guest.get("/auth/me"))
        assert (me["username"], me["role"], me["must_change_password"]) == ("yuki", "operator", False)
        assert "tsubame_refresh" in guest.cookies
        again = await guest.post("/auth/join", json=joining(token, "second"))
        assert problem(again, 403)["code"] == "invitation_invalid"
    assert found(await admin.get("/invitations"))["items"] == []


async def test_project_roles_come_with_the_link(api: Api, admin: httpx.AsyncClient) -> None:
    """招くときに決めたプロジェクトの役割を、入ったときから持つ。消えたプロジェクトの分は、静かに抜ける。"""
    roles = [{"project_id": 1, "role": "editor"}, {"project_id": 999, "role": "admin"}]
    token = await invite(admin, role=None, project_roles=roles)
    async with api.anonymous() as guest:
        answer = found(await guest.post("/auth/join", json=joining(token)))
        guest.headers["Authorization"] = f"Bearer {answer['access_token']}"
        me = found(await guest.get("/auth/me"))
        assert me["role"] is None
        assert [(each["id"], each["role"]) for each in me["projects"]] == [(1, "editor")]


async def test_two_people_cannot_use_one_link(api: Api, admin: httpx.AsyncClient) -> None:
    """同じリンクを同時に使っても、入れるのは一人だけ。"""
    token = await invite(admin)
    async with api.anonymous() as guest:
        answers = await asyncio.gather(
            *(guest.post("/auth/join", json=joining(token, f"guest{number}")) for number in range(3))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403]


async def test_refused_choice_keeps_the_link(api: Api, admin: httpx.AsyncClient) -> None:
    """名前が重なるか、パスワードが弱ければ断り、リンクは残る。"""
    token = await invite(admin)
    async with api.anonymous() as guest:
        weak = await guest.post("/auth/join", json=joining(token, password="short"))
        assert field_codes(weak) == {"password": "password_too_short"}
        taken = await guest.post("/auth/join", json=joining(token, "ADMIN-USER"))
        assert problem(taken, 409)["code"] == "name_taken"
        found(await guest.post("/auth/join", json=joining(token)))


async def test_dead_links_are_refused(api: Api, admin: httpx.AsyncClient) -> None:
    """でたらめ、取り消した、期限の過ぎたリンクは、同じ返事で断る。"""
    withdrawn, expired = await invite(admin), await invite(admin, expires_in_hours=1)
    newest = found(await admin.get("/invitations"))["items"]
    assert (await admin.delete(f"/invitations/{newest[1]['id']}")).status_code == 204
    api.clock.advance(hours=1)
    async with api.anonymous() as guest:
        for token in ("guess", withdrawn, expired):
            look = await guest.post("/auth/invitation", json={"token": token})
            join = await guest.post("/auth/join", json=joining(token))
            assert problem(look, 403)["code"] == problem(join, 403)["code"] == "invitation_invalid"


async def test_only_the_hash_is_stored_and_nothing_is_logged(api: Api, admin: httpx.AsyncClient) -> None:
    """リンクの値は、表にも監査記録にもアクセスの記録にも残らない。"""
    with capture_logs() as logs:
        token = await invite(admin)
        async with api.anonymous() as guest:
            await guest.post("/auth/invitation", json={"token": token})
    async with api.transactions.begin() as tx:
        rows = (await tx.connection.execute(select(invitations))).all()
        audit = (await tx.connection.execute(select(audit_events))).all()
    assert len(rows) == 1
    assert token not in f"{rows}{audit}{logs}"


async def test_links_die_with_their_maker(api: Api, admin: httpx.AsyncClient) -> None:
    """招いた管理者を止める・外す・消すと、その人が配ったリンクも使えなくなる。"""
    async with api.anonymous() as guest:
        for number, act in enumerate(("disable", "role", "delete")):
            maker = await api.add_user(Role.ADMIN, f"maker{number}")
            async with api.anonymous() as making:
                making.headers["Authorization"] = f"Bearer {api.token_of(maker)}"
                token = await invite(making)
            if act == "disable":
                await admin.post(f"/users/{maker.id}/disable")
            elif act == "role":
                await admin.put(f"/users/{maker.id}/role", json={"role": "editor"})
            else:
                await admin.delete(f"/users/{maker.id}")
            answer = await guest.post("/auth/join", json=joining(token))
            assert problem(answer, 403)["code"] == "invitation_invalid", act


async def test_joining_refuses_other_sites(api: Api, admin: httpx.AsyncClient) -> None:
    """よその頁からは入れない(その人のブラウザを、攻める人の利用者でログインさせない)。"""
    token = await invite(admin)
    async with api.anonymous() as guest:
        answer = await guest.post(
            "/auth/join", json=joining(token), headers={"Origin": "http://evil.example"}
        )
        assert problem(answer, 403)["code"] == "cross_site_request"


async def test_old_invitations_are_forgotten(api: Api, admin: httpx.AsyncClient) -> None:
    """期限の過ぎた招待は一覧に残り、さらに三十日たつと、次に招くとき消える。"""
    await invite(admin, note="old", expires_in_hours=1)
    for days, notes in ((1, ["second", "old"]), (30, ["third", "second"])):
        api.clock.advance(days=days)
        # 通行証も切れているので、別の管理者として続ける
        user = await api.add_user(Role.ADMIN, f"after {days}")
        async with api.anonymous() as later:
            later.headers["Authorization"] = f"Bearer {api.token_of(user)}"
            await invite(later, note=notes[0])
            assert [item["note"] for item in found(await later.get("/invitations"))["items"]] == notes
