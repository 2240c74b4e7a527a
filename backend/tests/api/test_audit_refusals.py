"""断った操作と、ログインの失敗が、監査に残る。"""

from typing import Any

import pytest
from sqlalchemy import select

from harness.api import BASE, Api, found, problem
from harness.asgi_socket import asgi_socket
from harness.factories import new_job
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.data_access.tables.audit import audit_events

PASSWORD = "correct horse battery"


async def events(api: Api, *actions: str) -> list[Any]:
    async with api.transactions.look() as tx:
        query = select(audit_events).where(audit_events.c.action.in_(actions)).order_by(audit_events.c.id)
        return list((await tx.connection.execute(query)).all())


async def jobs(api: Api, count: int) -> list[int]:
    """だれかの作ったジョブの番号。"""
    async with api.client() as admin:
        return [(await new_job(admin, name=f"job {number}"))["id"] for number in range(count)]


async def test_refused_access_is_recorded(api: Api) -> None:
    """権限が足りずに断ると、だれが・どこから・どの戸を・何が足りずに、が残る。"""
    (job,) = await jobs(api, 1)
    async with api.client(Role.VIEWER) as client:
        problem(await client.delete(f"/jobs/{job}"), 403)
    (refused,) = await events(api, "access.refused")
    assert (refused.actor_name, refused.address, refused.outcome) == ("viewer-user", "127.0.0.1", "refused")
    assert refused.subject_name == "DELETE /api/v1/jobs/{job_id}"
    assert refused.details == {
        "path": f"/api/v1/jobs/{job}",
        "code": "permission_denied",
        "permission": "job:write",
        "needed": "editor",
        "role": "viewer",
    }


async def test_loop_of_refusals_cannot_flood(api: Api) -> None:
    """番号を変えながら叩き続けても一分に一行で、過ぎれば回数が残る。別の戸、別の人は、別に残る。"""
    numbers = await jobs(api, 5)
    async with api.client(Role.VIEWER) as client:
        for number in numbers * 3:
            problem(await client.delete(f"/jobs/{number}"), 403)
        problem(await client.post("/commands", json={"command": "x", "selector": "a"}), 403)
        await api.services.refusals.settle()
        assert len(await events(api, "access.refused")) == 2
        api.clock.advance(minutes=2)
        await api.services.refusals.settle()
        await api.services.refusals.settle()
        assert [row.details.get("repeated") for row in await events(api, "access.refused")] == [
            None,
            None,
            14,
        ]
        problem(await client.delete(f"/jobs/{numbers[0]}"), 403)
    async with api.client(Role.OPERATOR) as other:
        problem(await other.delete(f"/jobs/{numbers[0]}"), 403)
    names = [row.actor_name for row in await events(api, "access.refused")]
    assert names == ["viewer-user"] * 4 + ["operator-user"]


async def test_refused_subscription_is_recorded(api: Api) -> None:
    """WebSocket の購読を断っても、だれが・どこから・何を、が残る。繰り返しても一行。"""
    user = await api.add_user(None, "yuki")
    async with asgi_socket(api.app, api.token_of(user)) as socket:
        for number in (1, 2):
            assert (await socket.ask("executions", id=number))["code"] == "permission_denied"
    (refused,) = await events(api, "access.refused")
    assert (refused.actor_id, refused.address, refused.outcome) == (user.id, "127.0.0.1", "refused")
    assert refused.subject_name == "SUBSCRIBE executions"
    assert refused.details["permission"] == "execution:read"


async def test_page_of_another_site_is_recorded(api: Api) -> None:
    """よその頁から送られたログインは、名乗る前に断られ、その断りが残る。"""
    async with api.anonymous() as client:
        headers = {"Origin": "https://evil.example"}
        problem(await client.post("/auth/logout", headers=headers), 403)
        # 住所に NUL が入っていても、記録に失敗しない
        assert (await client.post(f"{BASE}/api/v1/auth/logout%00", headers=headers)).status_code == 404
    (refused,) = await events(api, "access.refused")
    assert (refused.actor_id, refused.actor_name) == (None, "")
    assert refused.details["code"] == "cross_site_request"


@pytest.fixture
async def owner(api: Api) -> None:
    await api.setup.ensure_admin(FirstAdmin("Admin", Secret(PASSWORD)))


@pytest.mark.usefixtures("owner")
async def test_logins_are_recorded(api: Api) -> None:
    """ログイン・失敗・ログアウトが残る。知らない名前は残さない(パスワードかもしれない)。"""
    async with api.anonymous() as client:
        for body in (
            {"username": "admin", "password": "wrong wrong wrong"},
            {"username": PASSWORD, "password": PASSWORD},
        ):
            problem(await client.post("/auth/login", json=body), 401)
        found(await client.post("/auth/login", json={"username": "admin", "password": PASSWORD}))
        assert (await client.post("/auth/logout")).status_code == 204
        assert (await client.post("/auth/logout")).status_code == 204
    actions = ("user.sign_in_failed", "user.signed_in", "user.signed_out")
    rows = await events(api, *actions)
    assert [(row.action, row.subject_name, row.outcome) for row in rows] == [
        ("user.sign_in_failed", "Admin", "refused"),
        ("user.sign_in_failed", "", "refused"),
        ("user.signed_in", "Admin", "done"),
        ("user.signed_out", "Admin", "done"),
    ]
    assert all(row.address == "127.0.0.1" for row in rows)
    assert PASSWORD not in str(rows)


@pytest.mark.usefixtures("owner")
async def test_reused_session_is_recorded(api: Api) -> None:
    """使い終わった更新券がまた出されたら、盗用かもしれないことが残る。"""
    async with api.anonymous() as client:
        found(await client.post("/auth/login", json={"username": "admin", "password": PASSWORD}))
        stolen = client.cookies["tsubame_refresh"]
        found(await client.post("/auth/refresh"))
        api.clock.advance(seconds=60)
        client.cookies.clear()
        problem(await client.post("/auth/refresh", headers={"Cookie": f"tsubame_refresh={stolen}"}), 401)
    (reused,) = await events(api, "user.session_reused")
    assert (reused.subject_name, reused.outcome) == ("Admin", "refused")
