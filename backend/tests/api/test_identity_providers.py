"""外のログインの提供者の設定。"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api, created, field_codes, found, problem
from harness.oidc import CLIENT_SECRET, OidcProvider
from harness.sso import add_provider, enter
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.identity_providers import identity_providers

NAME, PASSWORD = "Owner", "correct horse battery"
LOGIN = {"username": NAME, "password": PASSWORD}


@pytest.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """この機械の中の提供者へ話してよい設置。"""
    made = Api(engine, database_url, tmp_path, outgoing_allowed=("127.0.0.1",))
    yield made
    await made.ssh.close()


@pytest.fixture
async def visitor(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """これから入る人のブラウザ。"""
    async with api.anonymous() as client:
        yield client


def rule(group: str, role: str, project_id: int | None = None) -> dict[str, object]:
    return {"group": group, "project_id": project_id, "role": role}


async def test_several_providers_in_order(
    admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """いくつも置け、決めた順に並び、止めたものは出ず、使えない。"""
    await add_provider(admin, oidc, name="Second", position=2)
    await add_provider(admin, oidc, name="First", position=1)
    hidden = await add_provider(admin, oidc, name="Hidden", enabled=False)
    options = found(await visitor.get("/auth/sso/providers"))["items"]
    assert [option["name"] for option in options] == ["First", "Second"]
    assert all(set(option) == {"id", "name"} for option in options)
    answer = await visitor.post(f"/auth/sso/providers/{hidden}/start")
    assert problem(answer, 404)["code"] == "provider_not_found"


async def test_inside_addresses_need_a_setting(
    engine: AsyncEngine, database_url: str, tmp_path: Path, oidc: OidcProvider
) -> None:
    """設定で許していなければ、提供者の住所としても、内側の住所には話しかけない。"""
    strict = Api(engine, database_url, tmp_path)
    async with strict.client() as client:
        answer = await client.post("/sign-in/providers/discover", json={"issuer": oidc.issuer})
        body = problem(answer, 409)
        assert (body["code"], body["params"]["host"]) == ("provider_inside", "127.0.0.1")
    await strict.ssh.close()


async def test_discovery_is_tried_before_saving(admin: httpx.AsyncClient, oidc: OidcProvider) -> None:
    """保存の前に試せ、読めたものか、読めないわけが返る。"""
    path = "/sign-in/providers/discover"
    seen = found(await admin.post(path, json={"issuer": oidc.issuer}))
    assert seen["authorization_endpoint"] == f"{oidc.issuer}/auth"
    assert (seen["algorithms"], seen["keys"]) == (["RS256"], 1)
    assert "groups" in seen["scopes"]
    slash = await admin.post(path, json={"issuer": f"{oidc.issuer}/"})
    assert problem(slash, 409)["code"] == "provider_misconfigured"
    oidc.tamper("names_another_issuer")
    assert problem(await admin.post(path, json={"issuer": oidc.issuer}), 409)["code"] == (
        "provider_misconfigured"
    )
    lost = await admin.post(path, json={"issuer": f"{oidc.issuer}/nothing"})
    assert problem(lost, 409)["code"] == "provider_misconfigured"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"issuer": "id.example.com"}, {"issuer": "issuer_invalid"}),
        ({"issuer": "http://id.example.com"}, {"issuer": "issuer_insecure"}),
        ({"issuer": "https://user@id.example.com"}, {"issuer": "issuer_invalid"}),
        ({"issuer": "https://id.example.com?x=1"}, {"issuer": "issuer_invalid"}),
        ({"issuer": "javascript:alert(1)"}, {"issuer": "issuer_invalid"}),
        ({"name": " "}, {"name": "required"}),
        ({"scopes": "profile email"}, {"scopes": "scopes_need_openid"}),
        ({"scopes": 'openid "x"'}, {"scopes": "scopes_invalid"}),
        ({"rules": [rule("a", "viewer"), rule("a", "admin")]}, {"rules.1.group": "rule_repeated"}),
        ({"rules": [rule("a", "viewer", 99)]}, {"rules.0.project_id": "project_unknown"}),
    ],
)
async def test_settings_are_checked(
    admin: httpx.AsyncClient, oidc: OidcProvider, changes: dict[str, object], expected: dict[str, str]
) -> None:
    """設定の誤りは、欄ごとに返る。"""
    answer = await admin.post("/sign-in/providers", json=oidc.settings(**changes))
    assert field_codes(answer) == expected


async def test_the_client_secret_is_sealed(
    api: Api, admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """秘密は暗号にしてしまい、返さず、省けば残り、版が違えば断る。監査には「変わった」とだけ残る。"""
    made = created(await admin.post("/sign-in/providers", json=oidc.settings(default_role="viewer")))
    assert made["has_client_secret"] is True
    assert CLIENT_SECRET not in str(found(await admin.get("/sign-in/providers")))
    path = f"/sign-in/providers/{made['id']}"
    kept = oidc.settings(default_role="viewer", name="Renamed")
    del kept["client_secret"]
    changed = found(await admin.put(path, json=kept, headers={"If-Match": '"1"'}))
    assert (changed["has_client_secret"], changed["version"]) == (True, 2)
    stale = await admin.put(path, json=kept, headers={"If-Match": '"1"'})
    assert problem(stale, 412)["code"] == "version_conflict"
    oidc.set_users(yuki=[])
    await enter(visitor, made["id"], "yuki")
    assert found(await admin.put(path, json=kept | {"client_secret": ""}))["has_client_secret"] is False
    async with api.transactions.begin() as tx:
        everything = str((await tx.connection.execute(select(audit_events))).all())
        everything += str((await tx.connection.execute(select(identity_providers))).all())
    assert CLIENT_SECRET not in everything
    assert "'client_secret': 'changed'" in everything
    assert (await admin.delete(path)).status_code == 204
    assert problem(await admin.put(path, json=kept), 404)["code"] == "provider_not_found"
