"""API への攻めを、本当に試す。権限と番号(IDOR)の総当たりは tests/api の権限の表が受け持つ。"""

import base64
import hashlib
import hmac
import json
import statistics
import time
from typing import Any

import httpx
import jwt
import pytest
import websockets
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api, created, found, problem
from harness.logs import LogRoom
from harness.product import Product
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.data_access.crypto.tokens import JwtAccessTokens
from tsubame.data_access.tables.executions import targets

NAME, PASSWORD = "owner", "correct horse battery"
LOGIN = {"username": NAME, "password": PASSWORD}
COOKIE = "tsubame_refresh"


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def signed(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    """ライブラリが拒む形も作れる、手書きの JWT。"""
    body = f"{encoded(header)}.{encoded(claims)}"
    mac = hmac.new(key, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


async def test_jwt_header_tricks(api: Api) -> None:
    """方式や鍵の在りかを見出しで指図しても、こちらの鍵と HS256 でだけ確かめる。"""
    good = api.token_of(await api.add_user(Role.ADMIN))
    claims = jwt.decode(good, options={"verify_signature": False})
    ours = JwtAccessTokens(api.keys)._keys[0]
    typed = {"typ": "at+jwt"}
    jwk = {"kty": "oct", "k": base64.urlsafe_b64encode(b"attacker").decode()}
    tricks = [
        f"{encoded(typed | {'alg': alg})}.{encoded(claims)}." for alg in ("none", "None", "nOnE", "NONE", "")
    ]
    tricks += [
        signed(typed | {"alg": "HS256", "kid": "../../../../dev/null"}, claims, b""),
        signed(typed | {"alg": "HS256", "kid": "x' UNION SELECT 'attacker"}, claims, b"attacker"),
        signed(typed | {"alg": "HS256", "jwk": jwk}, claims, b"attacker"),
        signed(typed | {"alg": "HS256", "jku": "http://127.0.0.1:1/keys"}, claims, b"attacker"),
        signed(typed | {"alg": "RS256"}, claims, ours),
        signed(typed | {"alg": "HS256", "crit": ["exp"]}, claims, ours),
        signed(typed | {"alg": "HS256"}, claims | {"exp": "9" * 400}, ours),
        signed(typed | {"alg": "HS256"}, {name: claims[name] for name in claims if name != "exp"}, ours),
        signed(typed | {"alg": "HS256"}, claims | {"sub": "0"}, ours),
        good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        good + "." + good.split(".")[2],
    ]
    async with api.anonymous() as client:
        for token in tricks:
            answer = await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == httpx.codes.UNAUTHORIZED, token
        found(await client.get("/auth/me", headers={"Authorization": f"Bearer {good}"}))


async def test_refresh_token_is_not_an_access_token(api: Api) -> None:
    """更新券を通行証として、通行証を更新券として出しても通らない。"""
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))
    async with api.anonymous() as client:
        access = found(await client.post("/auth/login", json=LOGIN))["access_token"]
        cookie = client.cookies[COOKIE]
        problem(await client.get("/auth/me", headers={"Authorization": f"Bearer {cookie}"}), 401)
        client.cookies.clear()
        problem(await client.post("/auth/refresh", headers={"Cookie": f"{COOKIE}={access}"}), 401)


async def test_session_cannot_be_fixed(api: Api) -> None:
    """攻め手が先に植えた券は、その人がログインしても、攻め手の物にならない。"""
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))
    planted = "planted-by-the-attacker"
    async with api.anonymous() as victim, api.anonymous() as attacker:
        answer = await victim.post("/auth/login", json=LOGIN, headers={"Cookie": f"{COOKIE}={planted}"})
        assert planted not in answer.headers["set-cookie"]
        own = victim.cookies[COOKIE]
        problem(await attacker.post("/auth/refresh", headers={"Cookie": f"{COOKIE}={planted}"}), 401)
        # 自分の券を植えた相手がログインしても、植えた券の持ち主は変わらない
        attacker.cookies.clear()
        second = await victim.post("/auth/login", json=LOGIN, headers={"Cookie": f"{COOKIE}={own}"})
        assert own not in second.headers["set-cookie"]


async def test_login_time_does_not_tell_who_exists(api: Api) -> None:
    """ログインにかかる時間から、名前があるかないかは読み取れない。"""
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))
    took: dict[str, list[float]] = {NAME: [], "nobody": []}
    async with api.anonymous() as client:
        for attempt in range(12):
            for name, times in took.items():
                api.clock.advance(hours=2)  # 失敗が続いたときの待ちを、比べる時間に混ぜない
                began = time.perf_counter()
                answer = await client.post(
                    "/auth/login", json={"username": name, "password": f"wrong {attempt}"}
                )
                times.append(time.perf_counter() - began)
                assert answer.status_code == httpx.codes.UNAUTHORIZED, answer.text
    known, unknown = (statistics.median(times) for times in took.values())
    # 照合(argon2id)を省けば、比は十倍より大きくなる
    assert 1 / 3 < known / unknown < 3, (known, unknown)


@pytest.mark.parametrize(
    "run_id",
    ["..%2F..%2Fetc%2Fpasswd", "%2e%2e", "a%00b", "$(id)", "a;id", "a%0Aid", "A", "a" * 101, "%2Fetc"],
)
async def test_run_ids_stay_names(api: Api, run_id: str) -> None:
    """走りの名前は、サーバの上のファイル名になる。小文字・数字・横線のほかは、サーバへ行く前に断る。"""
    async with api.client(Role.ADMIN) as admin:
        answer = await admin.request("DELETE", f"/servers/1/runs/{run_id}")
        assert answer.status_code in {404, 405, 422}, answer.text
        assert answer.json()["code"] != "server_not_found"


@pytest.mark.parametrize(
    "name",
    [
        'a\r\nSet-Cookie: x=1"',
        "../../etc/passwd",
        'x"; filename="evil.html',
        "a/b\\c",
        "\u202egnp.exe",
        "%0d%0a",
    ],
)
async def test_download_names_cannot_break_the_header(
    api: Api, engine: AsyncEngine, database_url: str, name: str
) -> None:
    """落とすファイルの名前に何を仕込んでも、見出しは一行で、道も引用符も残らず、開かずに保存される。"""
    target = await LogRoom(database_url, engine).write(b"<script>alert(1)</script>\n")
    async with engine.begin() as connection:
        # 名前の検査も抜けたとして
        await connection.execute(update(targets).values(server_name=name))
    async with api.client(Role.VIEWER) as viewer:
        url = created(await viewer.post(f"/targets/{target}/log/download-ticket"))["url"]
        answer = await viewer.get(httpx.URL(viewer.base_url).join(url))
    value = answer.headers["content-disposition"]
    assert value.startswith('attachment; filename="')
    assert not any(
        bad in value for bad in ("\r", "\n", "/", "\\", "%0D", "%0A", "%2F", "%5C", "%22", "%E2%80%AE")
    )
    assert value.count('"') == 2
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "([a-z]+)*\\d$"])
async def test_evil_patterns_do_not_stall(
    api: Api, engine: AsyncEngine, database_url: str, pattern: str
) -> None:
    """後戻りで固まる式を送っても、長さに比例した時間で終わる(RE2)。"""
    target = await LogRoom(database_url, engine).write(b"a" * 60_000 + b"!\n")
    async with api.client(Role.VIEWER) as viewer:
        began = time.perf_counter()
        answer = await viewer.get(f"/targets/{target}/log/search", params={"q": pattern, "regex": True})
        assert time.perf_counter() - began < 5
    assert answer.status_code in {200, 422}


async def test_stream_is_closed_to_other_pages_and_strangers(product: Product) -> None:
    """WebSocket は、よその頁からは通行証があっても開けず、Origin のない客も名乗るまで何も得られない。"""
    stream = f"{product.base_url.replace('http', 'ws', 1)}/api/v1/stream"
    async with product.client() as client:
        bearer = {"Authorization": client.headers["authorization"]}
    for origin in ("https://evil.example", "null", f"{product.base_url}.evil.example"):
        async with websockets.connect(
            stream, origin=websockets.Origin(origin), additional_headers=bearer
        ) as evil:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await evil.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4403
    async with websockets.connect(stream) as nameless:
        await nameless.send(json.dumps({"type": "subscribe", "id": 1, "topic": "changes"}))
        assert json.loads(await nameless.recv())["code"] == "unauthenticated"
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await nameless.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    async with websockets.connect(stream, additional_headers=bearer) as script:
        assert json.loads(await script.recv()) == {"type": "ready"}


@pytest.mark.parametrize(
    "message", ["[" * 60_000, "x" * 60_000, '{"type": "ping"' + " " * 60_000 + "}", "\0"]
)
async def test_stream_survives_nonsense(product: Product, message: str) -> None:
    """名乗ったあとの壊れた文は、その文だけが断られる。"""
    stream = f"{product.base_url.replace('http', 'ws', 1)}/api/v1/stream"
    async with product.client() as client:
        bearer = {"Authorization": client.headers["authorization"]}
    async with websockets.connect(stream, additional_headers=bearer) as socket:
        await socket.recv()
        await socket.send(message)
        assert json.loads(await socket.recv())["type"] in {"error", "pong"}
        await socket.send(json.dumps({"type": "ping"}))
        assert json.loads(await socket.recv()) == {"type": "pong"}
