"""自分のこと: 好み、パスワード、ログインの一覧。"""

from collections.abc import AsyncIterator

import httpx
import pytest

from harness.api import Api, created, field_codes, found, problem
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret

NAME, PASSWORD, NEW = "yuki", "correct horse battery", "four random words here"
PROOF = {"password": PASSWORD}
COOKIE = "tsubame_refresh"


async def sign_in(client: httpx.AsyncClient, password: str = PASSWORD, agent: str = "test") -> httpx.Response:
    client.headers["User-Agent"] = agent
    answer = await client.post("/auth/login", json={"username": NAME, "password": password})
    if answer.status_code == httpx.codes.OK:
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return answer


@pytest.fixture
async def me(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """パスワードで入った人。"""
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))
    async with api.anonymous() as client:
        found(await sign_in(client, agent="Firefox"))
        yield client


async def test_preferences_follow_the_user(api: Api) -> None:
    """選んだ言語・見た目・時間帯は、どの端末の自分にも付いてくる。選び直しも、元に戻すこともできる。"""
    chosen = {"language": "ja", "theme": "dark", "time_zone": "Asia/Tokyo"}
    nothing = {"language": None, "theme": None, "time_zone": None}
    async with api.client(Role.VIEWER) as client:
        assert found(await client.get("/auth/me"))["preferences"] == nothing
        assert found(await client.put("/me/preferences", json=chosen)) == chosen
        assert found(await client.get("/auth/me"))["preferences"] == chosen
        found(await client.put("/me/preferences", json=nothing))
        assert found(await client.get("/auth/me"))["preferences"] == nothing


@pytest.mark.parametrize("zone", ["", "../etc/passwd", "Asia/Tokyo;", "Asia//Tokyo", "東京", "a" * 64 + "/b"])
async def test_time_zone_is_a_name(api: Api, zone: str) -> None:
    """時間帯は、IANA の名前の形でなければ断る。"""
    async with api.client(Role.VIEWER) as client:
        body = {"language": None, "theme": None, "time_zone": zone}
        assert "time_zone" in field_codes(await client.put("/me/preferences", json=body))


async def test_password_change_needs_the_old_one(api: Api, me: httpx.AsyncClient) -> None:
    """今のパスワードを言えなければ替えられない。替えると、ほかの端末のログインだけが終わる。"""

    async def change(current: str, new: str) -> httpx.Response:
        return await me.post("/me/password", json={"current_password": current, "new_password": new})

    async with api.anonymous() as other:
        await sign_in(other)
        assert field_codes(await change("guess guess guess", NEW)) == {"current_password": "password_wrong"}
        assert field_codes(await change(PASSWORD, "short")) == {"new_password": "password_too_short"}
        assert field_codes(await change(PASSWORD, PASSWORD)) == {"new_password": "password_unchanged"}
        found(await other.get("/auth/me"))
        assert (await change(PASSWORD, NEW)).status_code == 204
        assert problem(await other.get("/auth/me"), 401)["code"] == "session_ended"
        found(await me.get("/auth/me"))
        found(await me.post("/auth/refresh"))
        assert problem(await sign_in(other), 401)["code"] == "bad_credentials"
        found(await sign_in(other, NEW))


async def test_sessions_are_listed_and_ended(api: Api, me: httpx.AsyncClient) -> None:
    """ログインの一覧には、今のもの・どこから・何で・いつが並び、一つを終わらせるとその場で締め出される。"""
    async with api.anonymous() as other:
        await sign_in(other, agent="Safari")
        items = found(await me.get("/me/sessions"))["items"]
        assert {(item["user_agent"], item["current"]) for item in items} == {
            ("Firefox", True),
            ("Safari", False),
        }
        assert {item["address"] for item in items} == {"127.0.0.1"}
        safari = next(item for item in items if not item["current"])
        end = f"/me/sessions/{safari['id']}/end"
        assert field_codes(await me.post(end, json={})) == {"password": "password_wrong"}
        found(await other.get("/auth/me"))
        assert (await me.post(end, json=PROOF)).status_code == 204
        assert problem(await other.get("/auth/me"), 401)["code"] == "session_ended"
        assert problem(await other.post("/auth/refresh"), 401)["code"] == "session_ended"
        assert len(found(await me.get("/me/sessions"))["items"]) == 1
        assert problem(await me.post(end, json=PROOF), 404)["code"] == "session_not_found"


async def test_all_others_are_ended_together(api: Api, me: httpx.AsyncClient) -> None:
    """「ほかを全部」は、今使っているもののほかを終わらせる。"""
    async with api.anonymous() as one, api.anonymous() as two:
        await sign_in(one)
        await sign_in(two)
        end = "/me/sessions/end-others"
        assert field_codes(await me.post(end, json={"password": "guess"})) == {"password": "password_wrong"}
        assert found(await me.post(end, json=PROOF)) == {"ended": 2}
        for client in (one, two):
            assert problem(await client.get("/auth/me"), 401)["code"] == "session_ended"
        found(await me.get("/auth/me"))
        assert found(await me.post(end, json=PROOF)) == {"ended": 0}


async def test_somebody_elses_session_cannot_be_ended(api: Api, me: httpx.AsyncClient) -> None:
    """人のログインは、番号を知っていても「ない」と言われる。"""
    mine = found(await me.get("/me/sessions"))["items"][0]["id"]
    invitation = created(await me.post("/invitations", json={"role": "admin"}))["path"].partition("#")[2]
    async with api.anonymous() as stranger:
        body = {"token": invitation, "username": "stranger", "password": PASSWORD}
        token = found(await stranger.post("/auth/join", json=body))["access_token"]
        stranger.headers["Authorization"] = f"Bearer {token}"
        answer = await stranger.post(f"/me/sessions/{mine}/end", json=PROOF)
        assert problem(answer, 404)["code"] == "session_not_found"
    found(await me.get("/auth/me"))


async def test_new_login_replaces_the_old_one(api: Api, me: httpx.AsyncClient) -> None:
    """同じブラウザで入り直すと、番号は引き継がれず(セッションの固定)、前のログインは終わる。"""
    before = found(await me.get("/me/sessions"))["items"][0]["id"]
    old = me.cookies[COOKIE], me.headers["Authorization"]
    found(await sign_in(me))
    (now,) = found(await me.get("/me/sessions"))["items"]
    assert now["id"] != before
    assert len(old[0]) == len(me.cookies[COOKIE]) == 43  # 256 ビット
    async with api.anonymous() as thief:
        answer = await thief.post("/auth/refresh", headers={"Cookie": f"{COOKIE}={old[0]}"})
        assert problem(answer, 401)["code"] == "session_ended"
        answer = await thief.get("/auth/me", headers={"Authorization": old[1]})
        assert problem(answer, 401)["code"] == "session_ended"


async def test_logout_kills_the_access_token(me: httpx.AsyncClient) -> None:
    """ログアウトすると、通行証も寿命を待たずに使えなくなる。"""
    await me.post("/auth/logout")
    assert problem(await me.get("/auth/me"), 401)["code"] == "session_ended"


async def test_refreshed_session_moves_on(api: Api, me: httpx.AsyncClient) -> None:
    """更新すると、同じログインの期限が延び、最後に使った時が進む。"""
    first = found(await me.get("/me/sessions"))["items"][0]
    api.clock.advance(minutes=20)
    answer = found(await me.post("/auth/refresh"))
    me.headers["Authorization"] = f"Bearer {answer['access_token']}"
    (after,) = found(await me.get("/me/sessions"))["items"]
    assert after["id"] == first["id"]
    assert after["expires_at"] > first["expires_at"]
    assert after["last_used_at"] > first["last_used_at"]
