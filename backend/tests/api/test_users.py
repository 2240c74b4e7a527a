"""利用者: 作る、役割、止める、消す、パスワードのやり直し。"""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from harness.api import Api, created, field_codes, found, problem
from harness.factories import new_job, new_server
from tsubame.business.shared.permissions import Role
from tsubame.business.users.ports import NewUser
from tsubame.data_access.tables.audit import audit_events

CHOSEN = "four random words here"


async def sign_in(client: httpx.AsyncClient, username: str, password: str) -> httpx.Response:
    """ログインし、できたら通行証を付ける。"""
    answer = await client.post("/auth/login", json={"username": username, "password": password})
    if answer.status_code == httpx.codes.OK:
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return answer


async def new_user(admin: httpx.AsyncClient, name: str = "yuki", role: str = "editor") -> dict[str, Any]:
    return created(await admin.post("/users", json={"username": name, "role": role}))


async def account_named(admin: httpx.AsyncClient, name: str) -> dict[str, Any]:
    items: list[dict[str, Any]] = found(await admin.get("/users/accounts"))["items"]
    return next(item for item in items if item["username"] == name)


async def actions(api: Api, subject: str) -> list[str]:
    """その名前の物についての、監査記録の動詞。"""
    query = select(audit_events.c.action).where(audit_events.c.subject_name == subject)
    async with api.transactions.begin() as tx:
        rows = await tx.connection.execute(query.order_by(audit_events.c.id))
        return list(rows.scalars())


async def test_one_time_password_leads_to_a_forced_change(api: Api, admin: httpx.AsyncClient) -> None:
    """作られた人は一度きりのパスワードで入り、替えるまで何もできず、替えれば働ける。"""
    handed = await new_user(admin)
    once = handed["one_time_password"]
    assert handed["account"]["must_change_password"] is True
    async with api.anonymous() as client:
        found(await sign_in(client, "yuki", once))
        assert found(await client.get("/auth/me"))["must_change_password"] is True
        for method, path in [("GET", "/jobs"), ("GET", "/me/sessions"), ("POST", "/me/sessions/end-others")]:
            refused = problem(await client.request(method, path), 403)
            assert refused["code"] == "password_change_needed", path
        body = {"current_password": once, "new_password": CHOSEN}
        assert (await client.post("/me/password", json=body)).status_code == 204
        found(await client.get("/jobs"))
        assert problem(await sign_in(client, "yuki", once), 401)["code"] == "bad_credentials"
        found(await sign_in(client, "yuki", CHOSEN))
    assert await actions(api, "yuki") == [
        "user.created",
        "user.signed_in",
        "user.password_changed",
        "user.sign_in_failed",
        "user.signed_in",
    ]


async def test_one_time_password_expires(api: Api, admin: httpx.AsyncClient) -> None:
    """一度きりのパスワードは七日で切れ、切れたことは、知っている人にだけ言う。"""
    once = (await new_user(admin))["one_time_password"]
    api.clock.advance(days=7)
    async with api.anonymous() as client:
        assert problem(await sign_in(client, "yuki", once), 401)["code"] == "one_time_password_expired"
        assert problem(await sign_in(client, "yuki", "guess"), 401)["code"] == "bad_credentials"


async def test_names_are_checked(admin: httpx.AsyncClient) -> None:
    """使えない名前と、大文字小文字だけが違う名前は断る。"""
    bad = await admin.post("/users", json={"username": "two words", "role": "viewer"})
    assert field_codes(bad) == {"username": "username_invalid"}
    await new_user(admin, "Yuki")
    again = await admin.post("/users", json={"username": "yuki", "role": "viewer"})
    assert problem(again, 409)["code"] == "name_taken"


async def test_role_change_counts_at_once(api: Api, admin: httpx.AsyncClient) -> None:
    """役割を変えると、その人の次の操作から効き、前後が監査記録に残る。"""
    user = await api.add_user(Role.VIEWER, "yuki")
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {api.token_of(user)}"
        problem(await client.get("/credentials"), 403)
        found(await admin.put(f"/users/{user.id}/role", json={"role": "operator"}))
        found(await client.get("/credentials"))
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.details).where(audit_events.c.action == "user.role_changed")
        details = (await tx.connection.execute(query)).scalar_one()
    assert details == {"changes": {"role": {"from": "viewer", "to": "operator"}}}


@pytest.mark.parametrize("act", ["role", "disable", "delete"])
async def test_the_last_administrator_stays(api: Api, admin: httpx.AsyncClient, act: str) -> None:
    """働ける最後の管理者は、外すことも、止めることも、消すこともできない。止められた管理者は数えない。"""
    last = await account_named(admin, "admin-user")
    sleeping = await api.add_user(Role.ADMIN, "sleeping")
    found(await admin.post(f"/users/{sleeping.id}/disable"))
    answer = await {
        "role": lambda: admin.put(f"/users/{last['id']}/role", json={"role": "viewer"}),
        "disable": lambda: admin.post(f"/users/{last['id']}/disable"),
        "delete": lambda: admin.delete(f"/users/{last['id']}"),
    }[act]()
    assert problem(answer, 409)["code"] == ("last_admin" if act == "role" else "own_account")
    assert (await account_named(admin, "admin-user"))["role"] == "admin"


async def test_two_administrators_cannot_remove_each_other(api: Api, admin: httpx.AsyncClient) -> None:
    """二人の管理者が同時に互いを止めても、一人は残る。"""
    one = await account_named(admin, "admin-user")
    two = await api.add_user(Role.ADMIN, "two")
    async with api.anonymous() as other:
        other.headers["Authorization"] = f"Bearer {api.token_of(two)}"
        answers = await asyncio.gather(
            admin.post(f"/users/{two.id}/disable"), other.post(f"/users/{one['id']}/disable")
        )
    async with api.transactions.begin() as tx:
        assert len(await tx.users.working_admins()) == 1
    assert min(answer.status_code for answer in answers) == 200


async def test_disabled_user_is_out_and_stays_out_until_enabled(api: Api, admin: httpx.AsyncClient) -> None:
    """止めた人の通行証はその場で使えず、ログインもできない。戻しても、前のログインは生き返らない。"""
    once = (await new_user(admin))["one_time_password"]
    async with api.anonymous() as client:
        found(await sign_in(client, "yuki", once))
        user = await account_named(admin, "yuki")
        assert found(await admin.post(f"/users/{user['id']}/disable"))["disabled_at"] is not None
        assert problem(await client.get("/auth/me"), 401)["code"] == "session_ended"
        assert problem(await client.post("/auth/refresh"), 401)["code"] == "session_ended"
        assert problem(await sign_in(client, "yuki", once), 401)["code"] == "bad_credentials"
        assert found(await admin.post(f"/users/{user['id']}/enable"))["disabled_at"] is None
        assert problem(await client.get("/auth/me"), 401)["code"] == "session_ended"
        found(await sign_in(client, "yuki", once))


async def test_nobody_disables_or_deletes_themselves(api: Api, admin: httpx.AsyncClient) -> None:
    """ほかに管理者がいても、自分を止めたり消したりはできない。"""
    await api.add_user(Role.ADMIN, "other")
    me = await account_named(admin, "admin-user")
    assert problem(await admin.post(f"/users/{me['id']}/disable"), 409)["code"] == "own_account"
    assert problem(await admin.delete(f"/users/{me['id']}"), 409)["code"] == "own_account"


async def test_history_keeps_the_name_of_the_deleted(api: Api, admin: httpx.AsyncClient) -> None:
    """実行を始めた人を消しても、実行と監査記録には名前が残り、同じ名前の人をまた作れる。"""
    user = await api.add_user(Role.EDITOR, "yuki")
    server = await new_server(admin)
    job = await new_job(admin, server["id"])
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {api.token_of(user)}"
        execution = created(await client.post(f"/jobs/{job['id']}/executions", json={}))
        assert (await admin.delete(f"/users/{user.id}")).status_code == 204
        assert problem(await client.get("/auth/me"), 401)["code"] == "token_invalid"
    assert found(await admin.get(f"/executions/{execution['id']}"))["requested_by_name"] == "yuki"
    assert await actions(api, "yuki") == ["user.deleted"]
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.actor_name).where(audit_events.c.action == "execution.started")
        assert (await tx.connection.execute(query)).scalars().all() == ["yuki"]
    await new_user(admin, "yuki")


async def test_password_reset_ends_the_sessions(api: Api, admin: httpx.AsyncClient) -> None:
    """パスワードをやり直すと、今のログインが全部終わり、新しい一度きりのもので入って替える。"""
    once = (await new_user(admin))["one_time_password"]
    async with api.anonymous() as client:
        found(await sign_in(client, "yuki", once))
        user = await account_named(admin, "yuki")
        again = found(await admin.post(f"/users/{user['id']}/reset-password"))["one_time_password"]
        assert again != once
        assert problem(await client.get("/auth/me"), 401)["code"] == "session_ended"
        assert problem(await sign_in(client, "yuki", once), 401)["code"] == "bad_credentials"
        found(await sign_in(client, "yuki", again))
        assert found(await client.get("/auth/me"))["must_change_password"] is True


async def test_new_password_can_be_demanded(api: Api, admin: httpx.AsyncClient) -> None:
    """求められた人は、開いている画面でも、替えるまで何もできない。"""
    user = await api.add_user(Role.EDITOR, "yuki")
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {api.token_of(user)}"
        found(await client.get("/jobs"))
        found(await admin.post(f"/users/{user.id}/demand-new-password"))
        assert problem(await client.get("/jobs"), 403)["code"] == "password_change_needed"


async def test_nobody_without_a_password_is_told_to_change_it(api: Api, admin: httpx.AsyncClient) -> None:
    """外のログインだけで入る人には、替えさせるパスワードがない。やり直せば、初めてのパスワードになる。"""
    async with api.transactions.begin() as tx:
        user = await tx.users.add(NewUser("outside", None, Role.VIEWER))
    assert (await account_named(admin, "outside"))["has_password"] is False
    refused = await admin.post(f"/users/{user.id}/demand-new-password")
    assert problem(refused, 409)["code"] == "no_password"
    once = found(await admin.post(f"/users/{user.id}/reset-password"))["one_time_password"]
    async with api.anonymous() as client:
        found(await sign_in(client, "outside", once))
        assert found(await client.get("/auth/me"))["has_password"] is True


async def test_administrator_ends_all_sessions_of_a_user(api: Api, admin: httpx.AsyncClient) -> None:
    """管理者は、人のログインを全部終わらせられる。"""
    user = await api.add_user(Role.EDITOR, "yuki")
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {api.token_of(user)}"
        found(await client.get("/jobs"))
        assert found(await admin.post(f"/users/{user.id}/end-sessions")) == {"ended": 1}
        assert problem(await client.get("/jobs"), 401)["code"] == "session_ended"


async def test_last_seen_is_written_once_a_minute(api: Api, admin: httpx.AsyncClient) -> None:
    """最後に見えた時は、一分より細かくは書かない。"""
    user = await api.add_user(Role.EDITOR, "yuki")

    async def seen() -> Any:
        return (await account_named(admin, "yuki"))["last_seen_at"]

    async with api.anonymous() as client:
        api.clock.advance(minutes=2)
        client.headers["Authorization"] = f"Bearer {api.token_of(user)}"
        await client.get("/jobs")
        first = await seen()
        api.clock.advance(seconds=30)
        await client.get("/jobs")
        assert await seen() == first
        api.clock.advance(seconds=31)
        await client.get("/jobs")
        assert await seen() > first


async def test_missing_user_is_not_found(admin: httpx.AsyncClient) -> None:
    """いない人への操作は 404。"""
    for method, path in [
        ("GET", "/users/999"),
        ("DELETE", "/users/999"),
        ("POST", "/users/999/disable"),
        ("POST", "/users/999/enable"),
        ("POST", "/users/999/reset-password"),
        ("POST", "/users/999/demand-new-password"),
        ("POST", "/users/999/end-sessions"),
    ]:
        assert problem(await admin.request(method, path), 404)["code"] == "user_not_found", path
