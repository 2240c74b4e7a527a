"""外のログイン(OpenID Connect)。相手は本物の提供者。"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api, field_codes, found, problem
from harness.oidc import OidcProvider, at_the_provider
from harness.second_factor import Authenticator
from harness.sso import COOKIE, add_provider, asked, come_back, enter, set_off
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.users import users

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


@pytest.fixture
async def owner(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """パスワードで入った管理者。"""
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))
    async with api.anonymous() as client:
        token = found(await client.post("/auth/login", json=LOGIN))["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def rule(group: str, role: str, project_id: int | None = None) -> dict[str, object]:
    return {"group": group, "project_id": project_id, "role": role}


async def refusals(api: Api) -> list[str]:
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.details).where(audit_events.c.action == "user.sign_in_refused")
        return [details["reason"] for details in (await tx.connection.execute(query)).scalars()]


async def test_groups_decide_the_role_at_each_login(
    admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """初めて来た人は、組の決まりのうちいちばん強い役割で作られ、組が変われば次のログインで変わる。"""
    rules = [rule("everyone", "viewer"), rule("ops", "operator"), rule("leads", "admin")]
    provider = await add_provider(admin, oidc, rules=rules)
    oidc.set_users(yuki=["everyone", "ops"])
    me = await enter(visitor, provider, "yuki")
    assert (me["username"], me["role"]) == ("yuki", "operator")
    (identity,) = found(await admin.get("/sign-in/identities"))["items"]
    assert identity["last_used_at"] is not None
    oidc.set_users(yuki=["leads"])
    assert await enter(visitor, provider, "yuki") == me | {
        "role": "admin",
        "permissions": found(await admin.get("/auth/me"))["permissions"],
    }
    oidc.set_users(yuki=[])
    refused = await come_back(visitor, provider, "yuki")
    assert problem(refused, 403)["code"] == "sso_no_role"


async def test_groups_give_project_roles(
    admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """組はプロジェクトの役割も渡し、抜ければ外れる。決まりにないプロジェクトの役割には触らない。"""
    provider = await add_provider(admin, oidc, rules=[rule("web", "editor", 1)])
    oidc.set_users(yuki=["web"])
    me = await enter(visitor, provider, "yuki")
    assert me["role"] is None
    assert [(one["id"], one["role"]) for one in me["projects"]] == [(1, "editor")]
    oidc.set_users(yuki=["other"])
    assert problem(await come_back(visitor, provider, "yuki"), 403)["code"] == "sso_no_role"


async def test_the_request_is_bound_to_the_browser(
    admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """送り出す住所には state・nonce・PKCE が付き、Cookie は HttpOnly・SameSite=Strict で短命。"""
    provider = await add_provider(admin, oidc, default_role="viewer")
    answer = await visitor.post(f"/auth/sso/providers/{provider}/start")
    sent = asked(found(answer)["authorization_url"])
    assert sent["redirect_uri"] == "http://tsubame.test/login/callback"
    assert (sent["response_type"], sent["code_challenge_method"]) == ("code", "S256")
    assert min(len(sent["state"]), len(sent["nonce"]), len(sent["code_challenge"])) >= 43
    assert len({sent["state"], sent["nonce"], sent["code_challenge"], visitor.cookies[COOKIE]}) == 4
    cookie = answer.headers["set-cookie"]
    assert all(
        mark in cookie for mark in ("HttpOnly", "SameSite=strict", "Path=/api/v1/auth/sso", "Max-Age=600")
    )


async def test_only_the_browser_that_began_can_finish(
    api: Api, admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """ほかのブラウザ、ほかの state、使い終えた符号、切れた時間では入れない。"""
    provider = await add_provider(admin, oidc, default_role="viewer")
    oidc.set_users(yuki=[])
    async with at_the_provider(await set_off(visitor, provider), "yuki") as answer:
        async with api.anonymous() as other:
            for cookie in (None, "guess"):
                headers = {} if cookie is None else {"Cookie": f"{COOKIE}={cookie}"}
                refused = await other.post("/auth/sso/finish", json=answer, headers=headers)
                assert problem(refused, 403)["code"] == "sso_ended"
        forged = {**answer, "state": "x" * 43}
        assert problem(await visitor.post("/auth/sso/finish", json=forged), 403)["code"] == "sso_ended"
        found(await visitor.post("/auth/sso/finish", json=answer))
        assert problem(await visitor.post("/auth/sso/finish", json=answer), 403)["code"] == "sso_ended"
    async with at_the_provider(await set_off(visitor, provider), "yuki") as late:
        api.clock.advance(minutes=10)
        assert problem(await visitor.post("/auth/sso/finish", json=late), 403)["code"] == "sso_ended"


async def test_a_stolen_code_is_useless_elsewhere(
    api: Api, admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """盗んだ符号を自分の始めたログインに差し込んでも、PKCE の鍵が違うので提供者が断る。"""
    provider = await add_provider(admin, oidc, default_role="viewer")
    oidc.set_users(yuki=[])
    async with at_the_provider(await set_off(visitor, provider), "yuki") as stolen, api.anonymous() as thief:
        state = asked(await set_off(thief, provider))["state"]
        refused = await thief.post("/auth/sso/finish", json={**stolen, "state": state})
    body = problem(refused, 409)
    assert (body["code"], body["params"]) == ("provider_refused", {"error": "invalid_grant"})


TRICKS = [
    "alg_none",
    "hs256_with_the_public_key",
    "hs256_with_the_client_secret",
    "other_key",
    "unknown_key",
    "edited",
    "other_audience",
    "other_audience_in_our_name",
    "several_audiences",
    "other_party",
    "other_issuer",
    "other_nonce",
    "no_nonce",
    "expired",
    "from_the_future",
    "no_subject",
    "other_access_token",
    "missing",
    "other_userinfo",
]


@pytest.mark.parametrize("trick", TRICKS)
async def test_forged_id_tokens_are_refused(
    admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider, trick: str
) -> None:
    """署名・方式・あて先・名乗り・期限・nonce のどれが違う証明書でも入れない。"""
    provider = await add_provider(admin, oidc, default_role="admin")
    oidc.set_users(yuki=[])
    oidc.tamper(trick)
    refused = await come_back(visitor, provider, "yuki")
    assert problem(refused, 409)["code"] == "id_token_refused"
    assert "tsubame_refresh" not in visitor.cookies
    assert len(found(await admin.get("/users"))["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example"}, "provider_misconfigured"),
        ({"iss": None}, "provider_misconfigured"),
        ({"code": None}, "provider_misconfigured"),
        ({"code": None, "error": "access_denied"}, "provider_refused"),
        ({"code": "forged"}, "provider_refused"),
    ],
)
async def test_bad_answers_are_refused(
    admin: httpx.AsyncClient,
    visitor: httpx.AsyncClient,
    oidc: OidcProvider,
    changes: dict[str, str | None],
    code: str,
) -> None:
    """別の提供者の答え、名乗らない答え、断り、でたらめな符号は、わけを言って断る。"""
    provider = await add_provider(admin, oidc, default_role="viewer")
    oidc.set_users(yuki=[])
    assert problem(await come_back(visitor, provider, "yuki", **changes), 409)["code"] == code


async def test_same_name_is_not_the_same_person(
    api: Api, owner: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """名前やメールが同じだけでは、いまいる利用者にならない。断ったことは監査に残る。"""
    provider = await add_provider(owner, oidc, default_role="viewer")
    oidc.set_users(owner=[])
    refused = problem(await come_back(visitor, provider, "owner"), 403)
    assert (refused["code"], refused["params"]["name"]) == ("sso_name_taken", "owner")
    assert await refusals(api) == ["sso_name_taken"]


async def test_a_signed_in_person_links_an_account(
    owner: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """入っている人は、本人だと確かめてから身元を結べる。役割は自分のまま、二人には結べない。"""
    provider = await add_provider(owner, oidc, default_role="viewer", rules=[rule("x", "viewer")])
    oidc.set_users(yuki=["x"])
    body = {"provider_id": provider, "password": "wrong wrong wrong"}
    assert field_codes(await owner.post("/auth/sso/link", json=body)) == {"password": "password_wrong"}
    sent = found(await owner.post("/auth/sso/link", json=body | {"password": PASSWORD}))
    async with at_the_provider(sent["authorization_url"], "yuki") as answer:
        assert (await owner.post("/auth/sso/finish", json=answer)).status_code == 204
    linked = found(await owner.get("/profile/identities"))["items"]
    assert [(one["issuer"], one["subject"]) for one in linked] == [(oidc.issuer, "yuki")]
    me = await enter(visitor, provider, "yuki")
    assert (me["username"], me["role"]) == (NAME, "admin")
    token = found(await owner.post("/auth/login", json=LOGIN))["access_token"]
    owner.headers["Authorization"] = f"Bearer {token}"

    sent = found(await owner.post("/auth/sso/link", json=body | {"password": PASSWORD}))
    async with at_the_provider(sent["authorization_url"], "yuki") as answer:
        again = await owner.post("/auth/sso/finish", json=answer)
    assert problem(again, 409)["code"] == "identity_taken"
    path = f"/profile/identities/{linked[0]['id']}/unlink"
    assert (await owner.post(path, json={"password": PASSWORD})).status_code == 204
    assert found(await owner.get("/profile/identities"))["items"] == []


async def test_an_administrator_links_an_account(
    api: Api, admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """知らない人を作らない設定では、管理者が結んだ人だけが入れる。外せばまた入れない。"""
    provider = await add_provider(admin, oidc, creates_users=False, default_role="viewer")
    user = await api.add_user(Role.EDITOR, "worker")
    oidc.set_users(yuki=[])
    refused = problem(await come_back(visitor, provider, "yuki"), 403)
    assert (refused["code"], refused["params"]) == ("sso_no_account", {"subject": "yuki"})
    link = {"provider_id": provider, "subject": "yuki"}
    assert (await admin.post(f"/users/{user.id}/identities", json=link)).status_code == 204
    me = await enter(visitor, provider, "yuki")
    assert (me["username"], me["role"]) == ("worker", "editor")
    (identity,) = found(await admin.get("/sign-in/identities"))["items"]
    assert identity["last_used_at"] is not None
    gone = await admin.delete(f"/users/{user.id}/identities/{identity['id']}")
    assert gone.status_code == 204
    assert problem(await come_back(visitor, provider, "yuki"), 403)["code"] == "sso_no_account"


async def test_people_of_the_provider_have_no_password(
    api: Api, admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """外のログインで作られた人は、パスワードでは入れず、最後の身元を外して締め出されることもない。"""
    provider = await add_provider(admin, oidc, default_role="viewer")
    oidc.set_users(yuki=[])
    token = found(await come_back(visitor, provider, "yuki"))["access_token"]
    for password in ("", "anything long enough"):
        answer = await visitor.post("/auth/login", json={"username": "yuki", "password": password})
        assert problem(answer, 401)["code"] == "bad_credentials"
    mine = {"Authorization": f"Bearer {token}"}
    me = found(await visitor.get("/auth/me", headers=mine))
    assert me["has_password"] is False
    demanded = await admin.post(f"/users/{me['id']}/demand-new-password")
    assert problem(demanded, 409)["code"] == "no_password"
    found(await visitor.post("/profile/second-factor", json={}, headers=mine))
    (identity,) = found(await visitor.get("/profile/identities", headers=mine))["items"]
    path = f"/profile/identities/{identity['id']}/unlink"
    assert problem(await visitor.post(path, json={}, headers=mine), 409)["code"] == "last_way_in"


async def test_disabled_people_cannot_come_back(
    api: Api, admin: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """止められた人は、提供者が確かめても入れない。"""
    provider = await add_provider(admin, oidc, default_role="viewer")
    oidc.set_users(yuki=[])
    await enter(visitor, provider, "yuki")
    async with api.transactions.begin() as tx:
        stop = update(users).where(users.c.username == "yuki").values(disabled_at=api.clock.now())
        await tx.connection.execute(stop)
    assert problem(await come_back(visitor, provider, "yuki"), 403)["code"] == "sso_disabled"


async def test_a_password_still_works_when_the_provider_is_away(
    owner: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """提供者に届かなければ、わけと次の一手が分かり、パスワードを持つ管理者は入れる。"""
    provider = await add_provider(owner, oidc, issuer="http://127.0.0.1:9")
    away = problem(await visitor.post(f"/auth/sso/providers/{provider}/start"), 409)
    assert (away["code"], away["params"]["host"]) == ("provider_unreachable", "127.0.0.1")
    found(await visitor.post("/auth/login", json=LOGIN))


async def test_second_factor_after_the_provider(
    api: Api, owner: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """提供者の二段階を信じない設定では、役割が求める二段階を、提供者のあとにも求める。"""
    provider = await add_provider(owner, oidc, default_role="admin", trusts_second_factor=False)
    trusted = await add_provider(owner, oidc, name="Trusted", default_role="admin")
    found(await owner.put("/sign-in/policy", json={"second_factor_roles": ["admin"]}))
    oidc.set_users(yuki=[])
    half = await come_back(visitor, provider, "yuki")
    assert half.status_code == 202
    assert half.json()["step"] == "enrol"
    begun = found(
        await visitor.post("/auth/second-factor/enrolment", json={"challenge": half.json()["challenge"]})
    )
    phone = Authenticator(api, begun["secret"])
    confirm = {"challenge": half.json()["challenge"], "code": phone.code()}
    found(await visitor.post("/auth/second-factor/enrolment/confirm", json=confirm))
    assert (await come_back(visitor, provider, "yuki")).json()["step"] == "code"
    assert (await come_back(visitor, trusted, "yuki")).status_code == 200


async def test_a_trusted_session_survives_the_policy(
    owner: httpx.AsyncClient, visitor: httpx.AsyncClient, oidc: OidcProvider
) -> None:
    """提供者の二段階を信じて入った人のログインは、役割が二段階を求めても続く。"""
    provider = await add_provider(owner, oidc, default_role="admin")
    oidc.set_users(yuki=[])
    await enter(visitor, provider, "yuki")
    found(await owner.put("/sign-in/policy", json={"second_factor_roles": ["admin"]}))
    found(await visitor.post("/auth/refresh"))
