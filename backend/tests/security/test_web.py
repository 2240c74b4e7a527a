"""頁と API の外側の守り。"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from harness.api import Api, found, problem
from tsubame.business.shared.permissions import Role
from tsubame.presentation.http.pace import SERVER_CONTACT
from tsubame.presentation.http.site import Site


def at(api: Api, site: Site) -> Api:
    """その設定で組み直した設置。"""
    api.app = api.app_of(replace(api.services, site=site))
    return api


EXPENSIVE = [
    ("GET", "/targets/1/log/search?q=x"),
    ("GET", "/executions/1/log/search?q=x"),
    ("GET", "/jobs/1/log/search?q=x"),
    ("GET", "/executions/1/log/merged"),
    ("POST", "/targets/1/log/download-ticket"),
    ("POST", "/servers/1/host-key/scan"),
    ("POST", "/servers/1/test"),
    ("GET", "/servers/1/runs"),
    ("GET", "/audit/export?q=nothing"),
    ("POST", "/audit/verification"),
    ("GET", "/permissions/explain?user_id=1&permission=job:read"),
]


@pytest.mark.parametrize(("method", "path"), EXPENSIVE)
async def test_expensive_routes_are_paced(api: Api, method: str, path: str) -> None:
    """手間のかかる道は、短い間に頼みすぎると 429 になり、いつ来ればよいかを言う。ほかの人は困らない。"""
    async with api.client(Role.ADMIN) as greedy, api.client(Role.OPERATOR) as other:
        for _ in range(300):
            answer = await greedy.request(method, path)
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                break
        assert problem(answer, 429)["code"] == "too_many_requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 5
        assert (await other.request(method, path)).status_code != httpx.codes.TOO_MANY_REQUESTS
        found(await greedy.get("/jobs"))


async def test_many_users_of_one_address_are_paced_together(api: Api) -> None:
    """利用者を替えながら頼んでも、一つの住所からの速さには限りがある。"""
    refused = 0
    for number in range(7):
        user = await api.add_user(Role.OPERATOR, f"user-{number}")
        async with api.anonymous() as client:
            client.headers["Authorization"] = f"Bearer {api.token_of(user)}"
            for _ in range(SERVER_CONTACT.burst):
                refused += (await client.post("/servers/1/test")).status_code == 429
    assert refused >= SERVER_CONTACT.burst


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Origin": "https://ci.example.com"}, 401),
        ({"Origin": "http://tsubame.test"}, 401),
        ({"Origin": "https://evil.example", "Host": "tsubame.test"}, 403),
        ({"Origin": "https://ci.example.com.evil.example"}, 403),
        ({"Origin": "http://ci.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://ci.example.com"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_only_our_own_pages_use_the_cookie(api: Api, headers: dict[str, str], status: int) -> None:
    """Cookie を使う道は、自分の頁(名乗っている URL を含む)と、ブラウザでない客にだけ応える。"""
    at(api, Site("https://ci.example.com", None))
    async with api.anonymous() as client:
        problem(await client.post("/auth/refresh", headers=headers), status)


async def test_answers_carry_the_browser_rules(api: Api) -> None:
    """よその頁へ漏らさず、枠に入れさせず、よその頁に読ませず、http の要求を黙って移しもしない。"""
    at(api, Site("https://ci.example.com", None))
    async with api.anonymous() as client:
        for path in ("/jobs", "/auth/sso/providers", "http://tsubame.test/healthz"):
            answer = await client.get(path, headers={"Origin": "https://evil.example"})
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert not any(name.startswith("access-control-") for name in answer.headers)
            assert not answer.is_redirect


async def test_https_is_remembered(api: Api) -> None:
    """https で開く設置は、どの応答でも、次からも https で開くよう言う。http の設置は言わない。"""
    async with api.anonymous() as client:
        assert "strict-transport-security" not in (await client.get("/jobs")).headers
    at(api, Site("https://ci.example.com", None))
    async with api.anonymous() as client:
        for path in ("/jobs", "http://tsubame.test/", "http://tsubame.test/healthz"):
            assert (await client.get(path)).headers["strict-transport-security"] == "max-age=31536000"


async def test_security_txt(api: Api) -> None:
    """知らせ先を決めてあれば RFC 9116 の形で案内し、期限は一年より短い。決めていなければ 404。"""
    address = "http://tsubame.test/.well-known/security.txt"
    async with api.anonymous() as client:
        assert problem(await client.get(address), 404)["code"] == "security_contact_missing"
    at(api, Site("https://ci.example.com", "mailto:security@example.com"))
    async with api.anonymous() as client:
        answer = await client.get(address)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:security@example.com"
    assert fields["Canonical"] == "https://ci.example.com/.well-known/security.txt"
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=365)


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "OPTIONS", "PROPFIND", "FOO"])
@pytest.mark.parametrize("path", ["/jobs", "http://tsubame.test/", "http://tsubame.test/healthz"])
async def test_other_methods_are_refused(api: Api, method: str, path: str) -> None:
    """決めたメソッドのほかは、どの道でも断る。よその頁の事前確認にも、よい返事をしない。"""
    async with api.anonymous() as client:
        answer = await client.request(method, path, headers={"Origin": "https://evil.example"})
    assert answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
    assert not [name for name in answer.headers if name.startswith("access-control-")]
