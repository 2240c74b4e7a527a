"""API トークン: 作る、使う、絞る、取り消す。"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from harness.api import Api, created, field_codes, found, problem
from harness.factories import new_job, new_server
from tsubame.business.shared.permissions import Permission, Role
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.tokens import api_token_addresses, api_tokens

READ = ["job:read", "execution:read"]


def draft(**changes: Any) -> dict[str, Any]:
    return {"name": "deploy", "scopes": READ, "lifetime_days": 30} | changes


async def made(client: httpx.AsyncClient, path: str = "/me/tokens", **changes: Any) -> dict[str, Any]:
    return created(await client.post(path, json=draft(**changes)))


@asynccontextmanager
async def using(api: Api, value: str) -> AsyncIterator[httpx.AsyncClient]:
    """そのトークンを持つ客。"""
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {value}"
        yield client


async def actions(api: Api) -> list[tuple[str, str, str | None]]:
    """トークンについての監査記録: 動詞、だれ、トークンの名前。"""
    columns = (audit_events.c.action, audit_events.c.actor_name, audit_events.c.token_name)
    query = select(*columns).where(audit_events.c.subject_type == "token").order_by(audit_events.c.id)
    async with api.transactions.look() as tx:
        return [tuple(row) for row in await tx.connection.execute(query)]


async def test_token_works_within_its_scope(api: Api, admin: httpx.AsyncClient) -> None:
    """持ち主が管理者でも、許した権限だけができ、断るときはトークンのせいだと言う。"""
    token = await made(admin)
    assert token["token"]["scopes"] == sorted(READ)
    async with using(api, token["value"]) as client:
        found(await client.get("/jobs"))
        refused = problem(await client.get("/servers"), 403)
        assert (refused["code"], refused["params"]) == ("permission_denied", {"permission": "server:read"})
        assert "token" in refused["detail"]


async def test_scope_does_not_lift_the_owner(api: Api) -> None:
    """全部を許したトークンでも、持ち主の役割より先へは行けない。役割が変われば、トークンも変わる。"""
    user = await api.add_user(Role.VIEWER, "yuki")
    async with api.anonymous() as mine:
        mine.headers["Authorization"] = f"Bearer {api.token_of(user)}"
        token = await made(mine, scopes=[str(permission) for permission in Permission])
    async with using(api, token["value"]) as client, api.client() as admin:
        found(await client.get("/jobs"))
        problem(await client.get("/credentials"), 403)
        found(await admin.put(f"/users/{user.id}/role", json={"role": "operator"}))
        found(await client.get("/credentials"))


async def test_history_names_the_token(api: Api, admin: httpx.AsyncClient) -> None:
    """トークンで始めた実行には、持ち主とトークンの名前が残る。"""
    job = await new_job(admin, (await new_server(admin))["id"])
    token = await made(admin, scopes=["execution:start", "execution:read"])
    async with using(api, token["value"]) as client:
        execution = created(await client.post(f"/jobs/{job['id']}/executions"))
    assert execution["requested_by_name"] == "admin-user (token deploy)"


async def test_value_is_shown_once_and_stored_hashed(api: Api, admin: httpx.AsyncClient) -> None:
    """値は作ったときにしか返らず、表にも監査記録にもアクセスの記録にも残らない。"""
    with capture_logs() as logs:
        token = await made(admin)
        async with using(api, token["value"]) as client:
            found(await client.get("/jobs"))
        listed = found(await admin.get("/me/tokens"))["items"]
    assert [(item["name"], item["hint"]) for item in listed] == [("deploy", token["value"][:8])]
    async with api.transactions.look() as tx:
        rows = (await tx.connection.execute(select(api_tokens))).all()
        events = (await tx.connection.execute(select(audit_events))).all()
    assert len(rows) == 1
    assert token["value"] not in f"{rows}{events}{logs}{listed}"


async def test_revoked_token_is_dead(api: Api, admin: httpx.AsyncClient) -> None:
    """取り消すと、その場で使えない。一覧からも消える。"""
    token = await made(admin)
    async with using(api, token["value"]) as client:
        found(await client.get("/jobs"))
        assert (await admin.delete(f"/me/tokens/{token['token']['id']}")).status_code == 204
        assert problem(await client.get("/jobs"), 401)["code"] == "api_token_invalid"
    assert found(await admin.get("/me/tokens"))["items"] == []
    assert await actions(api) == [
        ("token.created", "admin-user", None),
        ("token.used_from_new_address", "admin-user (token deploy)", "deploy"),
        ("token.revoked", "admin-user", None),
    ]


async def test_token_expires(api: Api, admin: httpx.AsyncClient) -> None:
    """期限で切れ、切れたと分かる返事になる。期限なしは、はっきり選んだときだけ。"""
    token = await made(admin, lifetime_days=1)
    forever = await made(admin, name="forever", lifetime_days=None)
    assert forever["token"]["expires_at"] is None
    without = {name: value for name, value in draft().items() if name != "lifetime_days"}
    assert field_codes(await admin.post("/me/tokens", json=without)) == {"lifetime_days": "missing"}
    api.clock.advance(days=1)
    async with using(api, token["value"]) as old, using(api, forever["value"]) as ageless:
        assert problem(await old.get("/jobs"), 401)["code"] == "api_token_expired"
        found(await ageless.get("/jobs"))


@pytest.mark.parametrize("act", ["disable", "delete", "demand-new-password"])
async def test_token_dies_with_its_owner(api: Api, admin: httpx.AsyncClient, act: str) -> None:
    """持ち主が止められても、消されても使えない。替えなければならない人のものは、替えるまで働かない。"""
    user = await api.add_user(Role.EDITOR, "yuki")
    async with api.anonymous() as mine:
        mine.headers["Authorization"] = f"Bearer {api.token_of(user)}"
        token = await made(mine)
    async with using(api, token["value"]) as client:
        found(await client.get("/jobs"))
        if act == "delete":
            await admin.delete(f"/users/{user.id}")
        else:
            found(await admin.post(f"/users/{user.id}/{act}"))
        answer = await client.get("/jobs")
        if act == "demand-new-password":
            assert problem(answer, 403)["code"] == "api_token_paused"
        else:
            assert problem(answer, 401)["code"] == "api_token_invalid"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/me/tokens", draft()),
        ("GET", "/me/tokens", None),
        ("DELETE", "/me/tokens/1", None),
        ("POST", "/projects/1/tokens", draft(role="admin")),
        ("POST", "/me/password", {"current_password": "x", "new_password": "x"}),
        ("PUT", "/me/preferences", {"language": None, "theme": None, "time_zone": None}),
        ("GET", "/me/sessions", None),
        ("POST", "/me/sessions/end-others", {}),
        ("POST", f"/me/sessions/{'1' * 32}/end", {}),
        ("POST", "/users/1/reset-password", None),
        ("POST", "/users/1/end-sessions", None),
    ],
)
async def test_tokens_cannot_touch_how_people_get_in(
    api: Api, admin: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """管理者の、全部を許したトークンでも、トークンを作る・パスワードやログインを変えることはできない。"""
    token = await made(admin, scopes=[str(permission) for permission in Permission])
    async with using(api, token["value"]) as client:
        answer = await client.request(method, path, json=body)
        assert problem(answer, 403)["code"] == "person_needed"


async def test_broken_values_are_refused(api: Api, admin: httpx.AsyncClient) -> None:
    """一字違いも、切れ端も、知らない値も、同じ返事で断る。"""
    value = (await made(admin))["value"]
    other = "A" if value[10] != "A" else "B"
    for wrong in (value[:10] + other + value[11:], value[:-1], "tsb_", f"{value}x", value.upper()):
        async with using(api, wrong) as client:
            answer = await client.get("/jobs")
            expected = "api_token_invalid" if wrong.startswith("tsb_") else "token_invalid"
            assert problem(answer, 401)["code"] == expected, wrong


async def test_project_token_has_its_own_name_and_role(api: Api, admin: httpx.AsyncClient) -> None:
    """プロジェクトのトークンは、そのプロジェクトの中だけで、決めた役割で、自分の名前で働く。作った人が消えても働く。"""
    maker = await api.add_user(Role.ADMIN, "maker")
    other = created(await admin.post("/projects", json={"name": "other", "max_parallel": None}))
    job = await new_job(admin, (await new_server(admin))["id"])
    async with api.anonymous() as making:
        making.headers["Authorization"] = f"Bearer {api.token_of(maker)}"
        scopes = [str(permission) for permission in Permission]
        token = await made(making, "/projects/1/tokens", role="operator", scopes=scopes)
    found(await admin.get("/projects/1/tokens"))
    assert (await admin.delete(f"/users/{maker.id}")).status_code == 204
    async with using(api, token["value"]) as client:
        execution = created(await client.post(f"/jobs/{job['id']}/executions"))
        assert execution["requested_by_name"] == "deploy"
        assert problem(await client.put(f"/jobs/{job['id']}", json={"name": "x", "script": ""}), 403)
        assert problem(await client.get(f"/projects/{other['id']}"), 404)["code"] == "project_not_found"
        assert problem(await client.get("/users/accounts"), 403)["code"] == "permission_denied"
        assert problem(await client.get("/auth/me"), 403)["code"] == "person_needed"


async def test_project_tokens_belong_to_their_project(api: Api, admin: httpx.AsyncClient) -> None:
    """よそのプロジェクトや、自分の一覧からは、消せない。"""
    other = created(await admin.post("/projects", json={"name": "other", "max_parallel": None}))
    token = await made(admin, "/projects/1/tokens", role="viewer")
    number = token["token"]["id"]
    for path in (f"/projects/{other['id']}/tokens/{number}", f"/me/tokens/{number}"):
        assert problem(await admin.delete(path), 404)["code"] == "api_token_not_found", path
    assert (await admin.delete(f"/projects/1/tokens/{number}")).status_code == 204


async def test_last_use_is_written_once_a_minute(api: Api, admin: httpx.AsyncClient) -> None:
    """最後に使った時と所は、一分より細かくは書かない。所が変われば、すぐ書き、初めての所は監査に残る。"""
    token = await made(admin)

    async def last() -> tuple[str | None, str | None]:
        async with api.transactions.look() as tx:
            query = select(api_tokens.c.last_used_at, api_tokens.c.last_address)
            row = (await tx.connection.execute(query)).one()
            return str(row.last_used_at), row.last_address

    async def use(address: str) -> None:
        transport = httpx.ASGITransport(app=api.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://tsubame.test/api/v1") as client:
            headers = {"Authorization": f"Bearer {token['value']}"}
            found(await client.get("/jobs", headers=headers))

    await use("192.0.2.1")
    first = await last()
    api.clock.advance(seconds=30)
    await use("192.0.2.1")
    assert await last() == first
    await use("192.0.2.2")
    second = await last()
    assert second[1] == "192.0.2.2"
    # 二台が代わる代わる使っても、要求のたびに書かない
    await use("192.0.2.1")
    await use("192.0.2.2")
    assert await last() == second
    api.clock.advance(minutes=2)
    await use("192.0.2.1")
    assert await last() > first
    async with api.transactions.look() as tx:
        count = await tx.connection.execute(select(func.count()).select_from(api_token_addresses))
        assert count.scalar_one() == 2
    assert [action for action, *_ in await actions(api)].count("token.used_from_new_address") == 2


async def test_input_is_checked(admin: httpx.AsyncClient) -> None:
    """名前も権限も期限も要る。同じ名前は二つ作れない。知らない権限は断る。"""
    for changes, expected in (
        ({"name": " "}, {"name": "required"}),
        ({"scopes": []}, {"scopes": "required"}),
        ({"lifetime_days": 0}, {"lifetime_days": "out_of_range"}),
        ({"lifetime_days": 4000}, {"lifetime_days": "out_of_range"}),
        ({"scopes": ["world:end"]}, {"scopes.0": "enum"}),
    ):
        assert field_codes(await admin.post("/me/tokens", json=draft(**changes))) == expected
    await made(admin)
    assert problem(await admin.post("/me/tokens", json=draft()), 409)["code"] == "name_taken"


async def test_presets_are_given(admin: httpx.AsyncClient) -> None:
    """読むだけ・動かす・すべて、の三つの組み合わせが読める。"""
    presets = found(await admin.get("/tokens/presets"))
    assert all(scope.endswith(":read") for scope in presets["read_only"])
    assert set(presets["run"]) > set(presets["read_only"])
    assert "execution:start" in presets["run"]
    assert "job:write" not in presets["run"]
    assert set(presets["all"]) == set(Permission)
