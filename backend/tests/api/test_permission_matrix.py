"""道ごとに、どの役割から通るかの表。新しい道は、ここに載せるまで試験が落ちる。"""

from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from harness.api import Api, problem
from tsubame.business.shared.permissions import Role
from tsubame.entrypoints.http_app import create_api_with_stream

VIEWER, OPERATOR, EDITOR, ADMIN = Role
ROLES: Final = tuple(Role)
# ログインの要らない道。初回の設定とログインそのもの、見張り、券が通行証の代わりになる受け取りだけ
OPEN: Final = {
    "GET /healthz",
    "GET /readyz",
    "GET /.well-known/security.txt",
    "GET /api/v1/setup",
    "POST /api/v1/setup",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
    # パスワードのあとの短い証しが、通行証の代わりになる
    "POST /api/v1/auth/second-factor",
    "POST /api/v1/auth/second-factor/enrolment",
    "POST /api/v1/auth/second-factor/enrolment/confirm",
    "GET /api/v1/targets/{target_id}/log/download",
}
MATRIX: Final[dict[str, Role]] = {
    "GET /api/v1/auth/me": VIEWER,
    "GET /api/v1/users": VIEWER,
    "GET /api/v1/profile/second-factor": VIEWER,
    "POST /api/v1/profile/second-factor": VIEWER,
    "POST /api/v1/profile/second-factor/confirm": VIEWER,
    "POST /api/v1/profile/second-factor/recovery-codes": VIEWER,
    "POST /api/v1/profile/second-factor/disable": VIEWER,
    "DELETE /api/v1/users/{user_id}/second-factor": ADMIN,
    "GET /api/v1/sign-in/policy": ADMIN,
    "PUT /api/v1/sign-in/policy": ADMIN,
    "GET /api/v1/sign-in/people": ADMIN,
    "GET /api/v1/credentials": OPERATOR,
    "POST /api/v1/credentials": ADMIN,
    "POST /api/v1/credentials/generate": ADMIN,
    "GET /api/v1/credentials/{credential_id}": OPERATOR,
    "PUT /api/v1/credentials/{credential_id}": ADMIN,
    "DELETE /api/v1/credentials/{credential_id}": ADMIN,
    "GET /api/v1/servers": VIEWER,
    "POST /api/v1/servers": EDITOR,
    "GET /api/v1/servers/tags": VIEWER,
    "GET /api/v1/servers/{server_id}": VIEWER,
    "PUT /api/v1/servers/{server_id}": EDITOR,
    "DELETE /api/v1/servers/{server_id}": EDITOR,
    "POST /api/v1/servers/resolve": VIEWER,
    "POST /api/v1/servers/{server_id}/host-key/scan": OPERATOR,
    "POST /api/v1/servers/{server_id}/host-key/approve": ADMIN,
    "POST /api/v1/servers/{server_id}/test": OPERATOR,
    "GET /api/v1/servers/{server_id}/runs": OPERATOR,
    "DELETE /api/v1/servers/{server_id}/runs/{run_id}": EDITOR,
    "GET /api/v1/jobs": VIEWER,
    "POST /api/v1/jobs": EDITOR,
    "GET /api/v1/jobs/{job_id}": VIEWER,
    "PUT /api/v1/jobs/{job_id}": EDITOR,
    "DELETE /api/v1/jobs/{job_id}": EDITOR,
    "POST /api/v1/jobs/{job_id}/duplicate": EDITOR,
    "POST /api/v1/jobs/{job_id}/executions": OPERATOR,
    "GET /api/v1/executions": VIEWER,
    "GET /api/v1/executions/{execution_id}": VIEWER,
    "GET /api/v1/executions/{execution_id}/outputs": VIEWER,
    "POST /api/v1/executions/{execution_id}/cancel": OPERATOR,
    "POST /api/v1/executions/{execution_id}/rerun": OPERATOR,
    "POST /api/v1/executions/{execution_id}/rerun-failed": OPERATOR,
    "POST /api/v1/executions/{execution_id}/pause": OPERATOR,
    "POST /api/v1/executions/{execution_id}/continue": OPERATOR,
    "POST /api/v1/commands": EDITOR,
    "GET /api/v1/queue": VIEWER,
    "PATCH /api/v1/queue/{execution_id}": OPERATOR,
    "GET /api/v1/limits": VIEWER,
    "PUT /api/v1/limits": ADMIN,
    "GET /api/v1/targets/{target_id}": VIEWER,
    "GET /api/v1/targets/{target_id}/log": VIEWER,
    "GET /api/v1/targets/{target_id}/log/lines": VIEWER,
    "GET /api/v1/targets/{target_id}/log/times": VIEWER,
    "GET /api/v1/targets/{target_id}/log/marks": VIEWER,
    "POST /api/v1/targets/{target_id}/log/download-ticket": VIEWER,
    "GET /api/v1/targets/{target_id}/log/search": VIEWER,
    "GET /api/v1/executions/{execution_id}/log/search": VIEWER,
    "GET /api/v1/jobs/{job_id}/log/search": VIEWER,
    "GET /api/v1/executions/{execution_id}/log/merged": VIEWER,
    "GET /api/v1/dashboard": VIEWER,
    "GET /api/v1/storage": VIEWER,
    "GET /api/v1/storage/policies": VIEWER,
    "POST /api/v1/storage/preview": VIEWER,
    "PUT /api/v1/storage/policies/global": ADMIN,
    "PUT /api/v1/storage/policies/projects/{project_id}": ADMIN,
    "DELETE /api/v1/storage/policies/projects/{project_id}": ADMIN,
    "PUT /api/v1/storage/policies/jobs/{job_id}": ADMIN,
    "DELETE /api/v1/storage/policies/jobs/{job_id}": ADMIN,
    "PUT /api/v1/executions/{execution_id}/pin": OPERATOR,
    "DELETE /api/v1/executions/{execution_id}/pin": OPERATOR,
    "GET /api/v1/workers": VIEWER,
    "GET /api/v1/audit": ADMIN,
    "GET /api/v1/audit/actions": ADMIN,
    "GET /api/v1/audit/chain": ADMIN,
    "GET /api/v1/audit/export": ADMIN,
    "POST /api/v1/audit/verification": ADMIN,
    "PUT /api/v1/audit/retention": ADMIN,
    "POST /api/v1/workers/{worker_id}/drain": ADMIN,
    "POST /api/v1/workers/{worker_id}/resume": ADMIN,
}
# 型の検査は権限より先に進むので、通る形の本文を送る
SERVER = {"name": "x", "host": "127.0.0.1", "username": "x", "credential_id": 1}
POLICY: Final[dict[str, object]] = {"archive_after_days": 7, "keep_days": 30, "keep_executions": None}
BODIES: Final[dict[str, dict[str, object]]] = {
    "POST /api/v1/profile/second-factor": {},
    "POST /api/v1/profile/second-factor/confirm": {"code": "000000"},
    "POST /api/v1/profile/second-factor/recovery-codes": {},
    "POST /api/v1/profile/second-factor/disable": {},
    "PUT /api/v1/sign-in/policy": {"second_factor_roles": []},
    "POST /api/v1/credentials": {"name": "x", "kind": "password", "password": "x"},
    "POST /api/v1/credentials/generate": {"name": "y"},
    "PUT /api/v1/credentials/{credential_id}": {"name": "x", "kind": "password", "password": "x"},
    "POST /api/v1/servers": SERVER,
    "PUT /api/v1/servers/{server_id}": SERVER,
    "POST /api/v1/servers/{server_id}/host-key/approve": {"fingerprint": "SHA256:x"},
    "POST /api/v1/jobs": {"name": "x", "script": ""},
    "PUT /api/v1/jobs/{job_id}": {"name": "x", "script": ""},
    "POST /api/v1/jobs/{job_id}/duplicate": {"name": "x"},
    "POST /api/v1/servers/resolve": {"selector": "web"},
    "POST /api/v1/commands": {"command": "true", "selector": "web"},
    "PATCH /api/v1/queue/{execution_id}": {"priority": 1},
    "PUT /api/v1/limits": {"max_parallel": None},
    "PUT /api/v1/audit/retention": {"keep_days": 30},
    "POST /api/v1/storage/preview": {"scope": "global", "id": None, "policy": POLICY},
    "PUT /api/v1/storage/policies/global": POLICY,
    "PUT /api/v1/storage/policies/projects/{project_id}": POLICY,
    "PUT /api/v1/storage/policies/jobs/{job_id}": POLICY,
}
NOT_THERE: Final = 9_999


def routes() -> Iterator[str]:
    """アプリケーションにある道の全部。"""
    for context in iter_route_contexts(create_api_with_stream().routes):
        methods: set[str] = getattr(context, "methods", None) or set()
        yield from (f"{method} {context.path}" for method in methods - {"HEAD"})


async def call(client: httpx.AsyncClient, route: str) -> httpx.Response:
    """その道を、ない物の番号で呼ぶ。"""
    method, template = route.split()
    path = "/".join(str(NOT_THERE) if part.startswith("{") else part for part in template.split("/"))
    return await client.request(method, f"http://tsubame.test{path}", json=BODIES.get(route))


def test_every_route_is_listed() -> None:
    """アプリケーションの道と、この表が一致する。"""
    assert sorted(routes()) == sorted(OPEN | MATRIX.keys())


@pytest.mark.parametrize("route", sorted(MATRIX))
async def test_login_is_needed(api: Api, route: str) -> None:
    """表の道はどれも、通行証がなければ 401 で、本文より先に断る。"""
    async with api.anonymous() as client:
        for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
            client.headers.update(headers)
            answer = await call(client, route)
            assert problem(answer, 401)["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", ROLES)
async def test_roles(api: Api, role: Role) -> None:
    """どの道も、表の役割より弱い人には 403、そこから上の人には 403 以外を返す。"""
    refused = set()
    async with api.client(role) as client:
        for route in MATRIX:
            answer = await call(client, route)
            assert answer.status_code < 500, (route, answer.text)
            assert answer.status_code != 401, route
            if answer.status_code == 403:
                refused.add(route)
    too_weak = {route for route, needed in MATRIX.items() if ROLES.index(role) < ROLES.index(needed)}
    assert refused == too_weak


def test_the_only_websocket_is_the_stream() -> None:
    """WebSocket の道は一つだけで、最初の文での名乗りを求める(その試験は stream の側にある)。"""
    sockets = [
        context.path
        for context in iter_route_contexts(create_api_with_stream().routes)
        if getattr(context, "methods", None) is None
    ]
    assert sockets == ["/api/v1/stream"]
