"""どの道にも共通の約束: 失敗の形、見出し、大きさ、見張り。"""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from structlog.testing import capture_logs

from harness.api import Api, field_codes, found, problem
from harness.factories import credential_body, job_body
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.paging import encode_cursor
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import User
from tsubame.business.users.service import UserService
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.readiness import DatabaseReadiness

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", JSON),
        (b'{"name": "\xff\xfe"}', JSON),
        (b"[" * 100_000, JSON),
        (b'{"timeout_s": ' + b"9" * 10_000 + b"}", JSON),
    ],
)
async def test_broken_bodies(admin: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> None:
    """壊れた JSON・UTF-8 でない本文・深すぎる入れ子・長すぎる数は、内側の失敗にしない。"""
    answer = await admin.post("/jobs", content=body, headers=headers)
    assert problem(answer, 400)["code"] == "malformed_body"


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {}])
async def test_body_must_say_that_it_is_json(admin: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """JSON と名乗らない本文は読まない(よその頁の単純な送信を、ここでも断る)。"""
    answer = await admin.post("/jobs", content=b'{"name": "x", "script": ""}', headers=headers)
    assert problem(answer, 422)["code"] == "invalid_input"


async def test_unknown_routes_and_methods(admin: httpx.AsyncClient) -> None:
    """ない住所と、受けないメソッドも、同じ形で返す。"""
    assert problem(await admin.get("/nothing"), 404)["code"] == "route_not_found"
    assert problem(await admin.get("http://tsubame.test/api"), 404)["code"] == "route_not_found"
    answer = await admin.patch("/jobs")
    assert problem(answer, 405)["code"] == "method_not_allowed"
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("job_id", ["0", "-1", "x", str(2**63), "9" * 40])
async def test_impossible_numbers(admin: httpx.AsyncClient, job_id: str) -> None:
    """データベースに入らない番号は、内側の失敗にせず断る。"""
    assert set(field_codes(await admin.get(f"/jobs/{job_id}"))) == {"job_id"}


@pytest.mark.parametrize("after", [("x",), (2**70,), (1, 2), ("a", 1)])
async def test_forged_cursors_of_executions(admin: httpx.AsyncClient, after: tuple[str | int, ...]) -> None:
    """実行の一覧でも、作りものの続きの印は入力の誤りになる。"""
    refused = await admin.get("/executions", params={"cursor": encode_cursor(after)})
    assert field_codes(refused) == {"cursor": "invalid_cursor"}


async def test_body_size(admin: httpx.AsyncClient) -> None:
    """8 MiB を超える本文は、長さを言っても言わなくても 413 で断る。"""
    announced = await admin.post("/jobs", content=b" " * (8 * 1024 * 1024 + 1), headers=JSON)
    assert problem(announced, 413)["code"] == "body_too_large"

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * 1024 * 1024

    answer = await admin.post("/jobs", content=unannounced(), headers=JSON)
    assert problem(answer, 413)["code"] == "body_too_large"


async def test_every_answer_carries_the_safety_headers(api: Api, admin: httpx.AsyncClient) -> None:
    """成功にも失敗にも、安全のための見出しと要求の番号が付き、溜め置かれない。"""
    async with api.anonymous() as stranger:
        answers = [await admin.get("/jobs"), await admin.get("/nothing"), await stranger.get("/jobs")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


class BrokenUsers(UserService):
    """思いがけない失敗をする用件。"""

    async def everyone(self, actor: Actor) -> list[User]:
        raise ZeroDivisionError("the inside must not leak")


async def test_unexpected_failure(api: Api) -> None:
    """予期しない失敗は 500 の problem になり、中身は漏らさず、記録と同じ番号を渡す。"""
    broken = api.app_of(replace(api.services, users=BrokenUsers(api.transactions, api.clock)))
    token = api.token_of(await api.add_user(Role.ADMIN))
    async with api.anonymous(broken) as client:
        with capture_logs() as logs:
            answer = await client.get("/users", headers={"Authorization": f"Bearer {token}"})
    body = problem(answer, 500)
    assert body["code"] == "internal_error"
    assert body["params"] == {"request_id": answer.headers["x-request-id"]}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "leak" not in answer.text
    failure, access = logs
    assert (failure["event"], failure["exc_info"]) == ("request failed", True)
    assert (access["event"], access["status"], access["path"]) == ("request", 500, "/api/v1/users")


async def test_log_lines_carry_no_secrets(admin: httpx.AsyncClient) -> None:
    """記録には、本文も通行証も問い合わせの文字列も残らない。"""
    with capture_logs() as logs:
        await admin.post("/credentials", json=credential_body())
        await admin.get("/jobs", params={"q": "s3cret"})
    text = str(logs)
    assert "/api/v1/credentials" in text
    assert not any(word in text for word in ("p4ss", "s3cret", "Bearer", "eyJ"))


async def test_refusals_are_logged_with_who_and_why(api: Api) -> None:
    """断った要求の記録には、わけ・人・所が残る。形の合わない入力も、速すぎる要求も。うまくいけば残さない。"""
    user = await api.add_user(Role.VIEWER)
    async with api.anonymous(address="192.0.2.7") as client:
        with capture_logs() as logs:
            await client.get("/auth/me")
            client.headers["Authorization"] = f"Bearer {api.token_of(user)}"
            await client.get("/jobs", params={"limit": "many"})
            await client.get("/users/accounts")
            await client.get("/jobs")
    refused = [(line["status"], line.get("refused"), line.get("user_id")) for line in logs]
    assert refused == [
        (401, "unauthenticated", None),
        (422, "invalid_input", user.id),
        (403, "permission_denied", user.id),
        (200, None, None),
    ]
    assert {line.get("address") for line in logs[:3]} == {"192.0.2.7"}


async def test_health_and_readiness(api: Api) -> None:
    """見張りの道はログインなしで応え、データベースがなければ「まだ」と答える。"""
    async with api.anonymous() as client:
        client.base_url = httpx.URL("http://tsubame.test")
        assert found(await client.get("/healthz")) == {"status": "ok"}
        assert found(await client.get("/readyz")) == {"status": "ok"}
    gone = create_engine("postgresql://nobody@127.0.0.1:1/none", application_name="tsubame-test")
    broken = api.app_of(replace(api.services, readiness=DatabaseReadiness(gone)))
    async with api.anonymous(broken) as client:
        answer = await client.get("http://tsubame.test/readyz")
        assert problem(answer, 503)["code"] == "storage_unavailable"
    await gone.dispose()


async def test_unknown_fields_are_refused(admin: httpx.AsyncClient) -> None:
    """綴りを間違えた項目は、黙って捨てずに断る。"""
    assert field_codes(await admin.post("/jobs", json=job_body(scirpt="x"))) == {"scirpt": "extra_forbidden"}
