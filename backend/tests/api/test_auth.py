"""ログイン・更新・ログアウト。"""

import asyncio
from dataclasses import replace

import httpx
import jwt
import pytest
from sqlalchemy import update

from harness.api import Api, created, field_codes, found, problem, session_of
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.data_access.crypto.tokens import JwtAccessTokens
from tsubame.data_access.tables.users import users
from tsubame.entrypoints.data_directory import new_encryption_key

NAME, PASSWORD = "Admin", "correct horse battery"
LOGIN = {"username": NAME, "password": PASSWORD}
COOKIE = "tsubame_refresh"


@pytest.fixture
async def owner(api: Api) -> None:
    """パスワードで入れる管理者が一人いる。"""
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))


async def refresh(client: httpx.AsyncClient, cookie: str | None) -> httpx.Response:
    """その更新券を持った要求。"""
    client.cookies.clear()
    headers = {} if cookie is None else {"Cookie": f"{COOKIE}={cookie}"}
    return await client.post("/auth/refresh", headers=headers)


@pytest.mark.usefixtures("owner")
async def test_login_opens_the_api(api: Api) -> None:
    """ログインで得た通行証で、自分がだれかと、できることが読める。"""
    async with api.anonymous() as client:
        answer = found(await client.post("/auth/login", json=LOGIN))
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
        client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        me = found(await client.get("/auth/me"))
        assert (me["username"], me["role"]) == (NAME, "admin")
        assert "credential:write" in me["permissions"]


@pytest.mark.usefixtures("owner")
async def test_refresh_cookie_is_locked_down(api: Api) -> None:
    """更新券の Cookie は HttpOnly・SameSite=Strict で、認証の道にだけ届く。"""
    async with api.anonymous() as client:
        cookie = (await client.post("/auth/login", json=LOGIN)).headers["set-cookie"]
        assert all(
            mark in cookie for mark in ("HttpOnly", "SameSite=strict", "Path=/api/v1/auth", "Max-Age=")
        )
        assert "Secure" not in cookie


@pytest.mark.usefixtures("owner")
async def test_https_cookie_cannot_be_planted(api: Api) -> None:
    """https では ``__Host-`` の名前で出し、ほかの名前(http の頁や隣のサイトが書ける)では受けない。"""
    async with api.anonymous() as client:
        client.base_url = httpx.URL("https://tsubame.test/api/v1")
        cookie = (await client.post("/auth/login", json=LOGIN)).headers["set-cookie"]
        name, value = cookie.split(";")[0].split("=")
        assert name == f"__Host-{COOKIE}"
        assert all(mark in cookie for mark in ("Secure", "HttpOnly", "SameSite=strict", "Path=/;"))
        assert "Domain" not in cookie
        problem(await refresh(client, value), 401)
        found(await client.post("/auth/refresh", headers={"Cookie": f"{name}={value}"}))


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(("host", "name"), [("localhost:8001", f"{COOKIE}_8001"), ("[::1]", COOKIE)])
async def test_cookies_of_two_ports_do_not_meet(api: Api, host: str, name: str) -> None:
    """一つの機械の二つの設置は、口の番号の付いた別の名前の券を使う。"""
    async with api.anonymous() as client:
        client.base_url = httpx.URL(f"http://{host}/api/v1")
        assert (await client.post("/auth/login", json=LOGIN)).headers["set-cookie"].startswith(f"{name}=")


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    "body",
    [
        {"username": NAME, "password": "wrong wrong wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "nul\0", "password": PASSWORD},
    ],
)
async def test_wrong_login_does_not_say_what_is_wrong(api: Api, body: dict[str, str]) -> None:
    """名前が違っても、パスワードが違っても、同じ返事をする。"""
    async with api.anonymous() as client:
        answer = await client.post("/auth/login", json=body)
        assert problem(answer, 401)["code"] == "bad_credentials"
        assert "set-cookie" not in answer.headers


@pytest.mark.usefixtures("owner")
async def test_name_is_case_insensitive(api: Api) -> None:
    """名前の大文字小文字は区別しない。"""
    async with api.anonymous() as client:
        found(await client.post("/auth/login", json={"username": " aDMIN ", "password": PASSWORD}))


@pytest.mark.usefixtures("owner")
async def test_refresh_rotates(api: Api) -> None:
    """更新すると券が新しくなり、新しい券でまた更新できる。"""
    async with api.anonymous() as client:
        await client.post("/auth/login", json=LOGIN)
        first = client.cookies[COOKIE]
        found(await refresh(client, first))
        second = client.cookies[COOKIE]
        assert second != first
        found(await refresh(client, second))


@pytest.mark.usefixtures("owner")
async def test_two_tabs_refresh_at_once(api: Api) -> None:
    """二つのタブが同じ券で同時に更新すると、両方が通行証を得て、新しい券は片方にだけ渡る。"""
    async with api.anonymous() as one, api.anonymous() as two:
        await one.post("/auth/login", json=LOGIN)
        cookie = one.cookies[COOKIE]
        answers = await asyncio.gather(refresh(one, cookie), refresh(two, cookie))
        assert [found(answer)["expires_in"] for answer in answers] == [900, 900]
        fresh = [answer.cookies[COOKIE] for answer in answers if "set-cookie" in answer.headers]
        assert len(fresh) == 1
        found(await refresh(one, fresh[0]))


@pytest.mark.usefixtures("owner")
async def test_reuse_ends_the_family(api: Api) -> None:
    """使い終わった券があとで使われたら盗用とみなし、本人の新しい券も止める。"""
    async with api.anonymous() as client:
        await client.post("/auth/login", json=LOGIN)
        stolen = client.cookies[COOKIE]
        await refresh(client, stolen)
        current = client.cookies[COOKIE]
        api.clock.advance(seconds=11)
        refused = await refresh(client, stolen)
        assert problem(refused, 401)["code"] == "session_ended"
        assert f'{COOKIE}="";' in refused.headers["set-cookie"]
        assert problem(await refresh(client, current), 401)["code"] == "session_ended"


@pytest.mark.usefixtures("owner")
async def test_unused_session_lives_two_weeks(api: Api) -> None:
    """使わないログインは、二週間で切れる。"""
    async with api.anonymous() as client:
        await client.post("/auth/login", json=LOGIN)
        cookie = client.cookies[COOKIE]
        api.clock.advance(days=14, seconds=1)
        assert problem(await refresh(client, cookie), 401)["code"] == "session_ended"


@pytest.mark.usefixtures("owner")
async def test_used_session_lives_thirty_days(api: Api) -> None:
    """使い続けても、ログインから三十日で入り直す。"""
    async with api.anonymous() as client:
        await client.post("/auth/login", json=LOGIN)
        for _ in range(3):
            api.clock.advance(days=9)
            found(await client.post("/auth/refresh"))
        api.clock.advance(days=3, seconds=1)
        assert problem(await client.post("/auth/refresh"), 401)["code"] == "session_ended"


@pytest.mark.usefixtures("owner")
async def test_passwords_do_not_grow_old(api: Api) -> None:
    """一年たっても同じパスワードで入れ、変えろとは言われない。"""
    async with api.anonymous() as client:
        api.clock.advance(days=400)
        token = found(await client.post("/auth/login", json=LOGIN))["access_token"]
        me = found(await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}))
        assert me["must_change_password"] is False


@pytest.mark.usefixtures("owner")
async def test_logout_ends_the_session(api: Api) -> None:
    """ログアウトすると券は使えず、Cookie も消える。券がなくても静かに終わる。"""
    async with api.anonymous() as client:
        await client.post("/auth/login", json=LOGIN)
        cookie = client.cookies[COOKIE]
        answer = await client.post("/auth/logout")
        assert (answer.status_code, answer.content) == (204, b"")
        assert COOKIE not in client.cookies
        assert problem(await refresh(client, cookie), 401)["code"] == "session_ended"
        assert (await client.post("/auth/logout")).status_code == 204


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh", "/auth/logout"])
@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Origin": "http://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "http://tsubame.test", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Origin": "http://tsubame.test"}, False),
        ({"Origin": "https://ci.example", "X-Forwarded-Host": "ci.example"}, False),
        ({"Origin": "http://other:1", "Sec-Fetch-Site": "same-origin"}, False),
    ],
)
async def test_cross_site_requests_are_refused(
    api: Api, path: str, headers: dict[str, str], *, refused: bool
) -> None:
    """Cookie を扱う道は、よそのサイトの頁からの要求を断る。"""
    async with api.anonymous() as client:
        await client.post("/auth/login", json=LOGIN)
        answer = await client.post(path, headers=headers, json=LOGIN)
        assert (answer.status_code == 403) is refused
        if refused:
            assert problem(answer, 403)["code"] == "cross_site_request"


async def test_disabled_user_is_out_at_once(api: Api) -> None:
    """止められた利用者は、通行証の寿命が残っていても、次の要求から入れない。"""
    async with api.client(Role.VIEWER) as client:
        found(await client.get("/auth/me"))
        async with api.transactions.begin() as tx:
            await tx.connection.execute(update(users).values(disabled_at=api.clock.now()))
        assert problem(await client.get("/auth/me"), 401)["code"] == "session_ended"


@pytest.mark.usefixtures("owner")
async def test_disabled_user_cannot_come_back(api: Api) -> None:
    """止められた利用者は、ログインも更新もできない。"""
    async with api.anonymous() as client:
        await client.post("/auth/login", json=LOGIN)
        cookie = client.cookies[COOKIE]
        async with api.transactions.begin() as tx:
            await tx.connection.execute(update(users).values(disabled_at=api.clock.now()))
        assert problem(await refresh(client, cookie), 401)["code"] == "session_ended"
        assert problem(await client.post("/auth/login", json=LOGIN), 401)["code"] == "bad_credentials"


async def test_access_token_expires(api: Api) -> None:
    """通行証は十五分で切れ、取り直せと分かる返事になる。"""
    async with api.client() as client:
        api.clock.advance(minutes=15)
        assert problem(await client.get("/auth/me"), 401)["code"] == "token_expired"


# 鍵が短いという注意は、わざと違う方式で署名するこの試験だけのもの
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_forged_tokens_are_refused(api: Api) -> None:
    """署名・方式・種別・あて先のどれが違う通行証も通さない。"""
    user = await api.add_user(Role.ADMIN)
    good = api.token_of(user)
    header, body, _ = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    foreign = JwtAccessTokens([new_encryption_key()])
    key = JwtAccessTokens(api.keys)._keys[0]
    forged = [
        foreign.issue(user.id, session_of(user), api.clock.now())[0],
        f"{header}.{body}.",
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, key, algorithm="HS256"),  # typ が違う
        jwt.encode(claims, key, algorithm="HS512", headers={"typ": "at+jwt"}),
        jwt.encode(claims | {"aud": "other"}, key, algorithm="HS256", headers={"typ": "at+jwt"}),
        jwt.encode(claims | {"iss": "other"}, key, algorithm="HS256", headers={"typ": "at+jwt"}),
        jwt.encode(claims | {"sub": "x"}, key, algorithm="HS256", headers={"typ": "at+jwt"}),
        "not-a-token",
    ]
    async with api.anonymous() as client:
        for token in forged:
            answer = await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
            assert problem(answer, 401)["code"] == "token_invalid", token
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_old_encryption_key_still_reads(api: Api) -> None:
    """暗号の鍵を入れ替えても、前の鍵で署名した通行証は寿命まで読める。"""
    user = await api.add_user(Role.ADMIN)
    rotated = JwtAccessTokens([new_encryption_key(), *api.keys])
    assert rotated.read(api.token_of(user), api.clock.now()).user_id == user.id


async def test_setup_signs_in(api: Api) -> None:
    """端末に出た合言葉で最初の管理者ができ、そのままログインしている。合言葉は二度使えない。"""
    token = await api.setup.issue_token()
    body = {"token": token, "username": NAME, "password": PASSWORD}
    async with api.anonymous() as client:
        assert found(await client.get("/setup")) == {"needed": True, "practice_available": True}
        answer = created(await client.post("/setup", json=body))
        me = await client.get("/auth/me", headers={"Authorization": f"Bearer {answer['access_token']}"})
        assert found(me)["role"] == "admin"
        found(await refresh(client, client.cookies[COOKIE]))
        assert problem(await client.post("/setup", json=body), 409)["code"] == "setup_done"
        assert found(await client.get("/setup"))["needed"] is False


async def test_setup_needs_the_newest_token(api: Api) -> None:
    """合言葉が違う、または前の起動のものなら断る。"""
    old = await api.setup.issue_token()
    await api.setup.issue_token()
    async with api.anonymous() as client:
        for token in (old, "guess"):
            answer = await client.post("/setup", json={"token": token, "username": "a", "password": PASSWORD})
            assert problem(answer, 403)["code"] == "setup_token_invalid"


async def test_two_people_cannot_both_set_up(api: Api) -> None:
    """同じ合言葉で同時に二人が設定しても、管理者は一人だけできる。"""
    token = await api.setup.issue_token()

    async def set_up(client: httpx.AsyncClient, name: str) -> httpx.Response:
        return await client.post("/setup", json={"token": token, "username": name, "password": PASSWORD})

    async with api.anonymous() as client:
        answers = await asyncio.gather(*(set_up(client, f"admin{number}") for number in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    async with api.transactions.begin() as tx:
        assert len(await tx.users.everyone()) == 1


@pytest.mark.parametrize(
    ("username", "password", "expected"),
    [
        ("admin", "short", {"password": "password_too_short"}),
        ("administrator1", "Administrator1", {"password": "password_is_username"}),
        ("admin", "Password123", {"password": "password_common"}),
        ("admin", "aaaaaaaaaaaaaaa", {"password": "password_common"}),
        ("two words", PASSWORD, {"username": "username_invalid"}),
    ],
)
async def test_weak_passwords_are_refused(
    api: Api, username: str, password: str, expected: dict[str, str]
) -> None:
    """弱いパスワードと使えない名前は、欄ごとの誤りになり、合言葉は残る。"""
    token = await api.setup.issue_token()
    async with api.anonymous() as client:
        body = {"token": token, "username": username, "password": password}
        assert field_codes(await client.post("/setup", json=body)) == expected
        created(await client.post("/setup", json={**body, "username": "ok", "password": PASSWORD}))


async def test_practice_is_refused_where_it_is_unavailable(api: Api) -> None:
    """練習用のサーバがないのに頼まれたら、管理者を作る前に断る。"""
    token = await api.setup.issue_token()
    body = {"token": token, "username": NAME, "password": PASSWORD, "practice": True}
    without = api.app_of(replace(api.services, practice=None))
    async with api.anonymous(without) as client:
        assert found(await client.get("/setup"))["practice_available"] is False
        assert field_codes(await client.post("/setup", json=body)) == {"practice": "practice_unavailable"}
    assert await api.setup.needed()


@pytest.mark.usefixtures("owner")
async def test_unattended_setup_happens_once(api: Api) -> None:
    """環境変数での設定は、利用者がいれば何もせず、合言葉も出さない。"""
    await api.setup.ensure_admin(FirstAdmin("second", Secret("another good password")))
    assert await api.setup.issue_token() is None
    async with api.transactions.begin() as tx:
        assert [user.username for user in await tx.users.everyone()] == [NAME]


async def test_viewer_lists_user_names(api: Api) -> None:
    """閲覧者も、絞り込みのために利用者の名前を読める。"""
    await api.add_user(Role.EDITOR, "yuki")
    async with api.client(Role.VIEWER) as client:
        items = found(await client.get("/users"))["items"]
        assert [item["username"] for item in items] == ["viewer-user", "yuki"]
