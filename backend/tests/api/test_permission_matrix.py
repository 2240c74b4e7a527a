"""道ごとに、だれが通るかの表。新しい道は、ここに載せるまで試験が落ちる。

どの道も、自分のプロジェクトの物と、よそのプロジェクトの物を相手に、権限の持ち方のそれぞれで呼ぶ。
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from harness.api import Api, problem
from harness.route_bodies import BODIES, QUERIES
from harness.route_rules import HOLD, LIST, READ, SELF, WHOLE, WRITE, Rule
from harness.two_projects import EVERYBODY, MARK, Things, TwoProjects, Who
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import JobId, ProjectId, UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.storage.entities import Policy, PolicyPlace
from tsubame.entrypoints.http_app import create_api_with_stream

VIEWER, OPERATOR, EDITOR, ADMIN = Role
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
    "POST /api/v1/auth/invitation",
    "POST /api/v1/auth/join",
    # 提供者へ送り出し、戻ってきた人を確かめる。送り出したブラウザの Cookie が要る
    "GET /api/v1/auth/sso/providers",
    "POST /api/v1/auth/sso/providers/{provider_id}/start",
    "POST /api/v1/auth/sso/finish",
    "GET /api/v1/targets/{target_id}/log/download",
}


MATRIX: Final[dict[str, Rule]] = {
    "GET /api/v1/auth/me": Rule(SELF),
    "PUT /api/v1/me/preferences": Rule(SELF),
    "POST /api/v1/me/password": Rule(SELF),
    "GET /api/v1/me/sessions": Rule(SELF),
    "POST /api/v1/me/sessions/end-others": Rule(SELF),
    "POST /api/v1/me/sessions/{session_id}/end": Rule(SELF),
    "GET /api/v1/tokens/presets": Rule(SELF),
    "GET /api/v1/me/tokens": Rule(SELF),
    "POST /api/v1/me/tokens": Rule(SELF),
    "DELETE /api/v1/me/tokens/{token_id}": Rule(SELF),
    "GET /api/v1/projects/{project_id}/tokens": Rule(WRITE, ADMIN),
    "POST /api/v1/projects/{project_id}/tokens": Rule(WRITE, ADMIN),
    "DELETE /api/v1/projects/{project_id}/tokens/{project_token_id}": Rule(WRITE, ADMIN),
    "GET /api/v1/users": Rule(LIST, VIEWER),
    "POST /api/v1/users": Rule(WHOLE, ADMIN),
    "GET /api/v1/users/accounts": Rule(WHOLE, ADMIN),
    "GET /api/v1/users/{user_id}": Rule(WHOLE, ADMIN),
    "DELETE /api/v1/users/{user_id}": Rule(WHOLE, ADMIN),
    "PUT /api/v1/users/{user_id}/role": Rule(WHOLE, ADMIN),
    "POST /api/v1/users/{user_id}/disable": Rule(WHOLE, ADMIN),
    "POST /api/v1/users/{user_id}/enable": Rule(WHOLE, ADMIN),
    "POST /api/v1/users/{user_id}/reset-password": Rule(WHOLE, ADMIN),
    "POST /api/v1/users/{user_id}/demand-new-password": Rule(WHOLE, ADMIN),
    "POST /api/v1/users/{user_id}/end-sessions": Rule(WHOLE, ADMIN),
    "GET /api/v1/invitations": Rule(WHOLE, ADMIN),
    "POST /api/v1/invitations": Rule(WHOLE, ADMIN),
    "DELETE /api/v1/invitations/{invitation_id}": Rule(WHOLE, ADMIN),
    "GET /api/v1/profile/second-factor": Rule(SELF),
    "POST /api/v1/profile/second-factor": Rule(SELF),
    "POST /api/v1/profile/second-factor/confirm": Rule(SELF),
    "POST /api/v1/profile/second-factor/recovery-codes": Rule(SELF),
    "POST /api/v1/profile/second-factor/disable": Rule(SELF),
    "DELETE /api/v1/users/{user_id}/second-factor": Rule(WHOLE, ADMIN),
    "GET /api/v1/sign-in/policy": Rule(WHOLE, ADMIN),
    "GET /api/v1/sign-in/providers": Rule(WHOLE, ADMIN),
    "POST /api/v1/sign-in/providers": Rule(WHOLE, ADMIN),
    "POST /api/v1/sign-in/providers/discover": Rule(WHOLE, ADMIN),
    "PUT /api/v1/sign-in/providers/{provider_id}": Rule(WHOLE, ADMIN),
    "DELETE /api/v1/sign-in/providers/{provider_id}": Rule(WHOLE, ADMIN),
    "GET /api/v1/sign-in/identities": Rule(WHOLE, ADMIN),
    "POST /api/v1/users/{user_id}/identities": Rule(WHOLE, ADMIN),
    "DELETE /api/v1/users/{user_id}/identities/{identity_id}": Rule(WHOLE, ADMIN),
    "GET /api/v1/profile/identities": Rule(SELF),
    "POST /api/v1/auth/sso/link": Rule(SELF),
    "POST /api/v1/profile/identities/{identity_id}/unlink": Rule(SELF),
    "PUT /api/v1/sign-in/policy": Rule(WHOLE, ADMIN),
    "GET /api/v1/sign-in/people": Rule(WHOLE, ADMIN),
    "GET /api/v1/permissions": Rule(SELF),
    "GET /api/v1/permissions/explain": Rule(WRITE, ADMIN),
    "GET /api/v1/projects": Rule(LIST, VIEWER),
    "POST /api/v1/projects": Rule(WHOLE, ADMIN),
    "GET /api/v1/projects/{project_id}": Rule(READ, VIEWER),
    "PUT /api/v1/projects/{project_id}": Rule(WRITE, ADMIN),
    "DELETE /api/v1/projects/{project_id}": Rule(HOLD, ADMIN),
    "GET /api/v1/projects/{project_id}/members": Rule(READ, VIEWER),
    "PUT /api/v1/projects/{project_id}/members/{user_id}": Rule(WRITE, ADMIN),
    "DELETE /api/v1/projects/{project_id}/members/{user_id}": Rule(WRITE, ADMIN),
    "GET /api/v1/credentials": Rule(LIST, OPERATOR),
    "POST /api/v1/credentials": Rule(WRITE, ADMIN),
    "POST /api/v1/credentials/generate": Rule(WRITE, ADMIN),
    "GET /api/v1/credentials/{credential_id}": Rule(READ, OPERATOR),
    "PUT /api/v1/credentials/{credential_id}": Rule(WRITE, ADMIN),
    "DELETE /api/v1/credentials/{credential_id}": Rule(WRITE, ADMIN),
    "GET /api/v1/servers": Rule(LIST, VIEWER),
    "POST /api/v1/servers": Rule(WRITE, EDITOR),
    "GET /api/v1/servers/tags": Rule(LIST, VIEWER),
    "GET /api/v1/servers/{server_id}": Rule(READ, VIEWER),
    "PUT /api/v1/servers/{server_id}": Rule(WRITE, EDITOR),
    "DELETE /api/v1/servers/{server_id}": Rule(WRITE, EDITOR),
    "POST /api/v1/servers/resolve": Rule(LIST, VIEWER),
    "POST /api/v1/servers/{server_id}/host-key/scan": Rule(WRITE, OPERATOR),
    "POST /api/v1/servers/{server_id}/host-key/approve": Rule(WRITE, ADMIN),
    "POST /api/v1/servers/{server_id}/test": Rule(WRITE, OPERATOR),
    "GET /api/v1/servers/{server_id}/runs": Rule(WRITE, OPERATOR),
    "DELETE /api/v1/servers/{server_id}/runs/{run_id}": Rule(WRITE, EDITOR),
    "GET /api/v1/variables": Rule(WHOLE, VIEWER),
    "POST /api/v1/variables": Rule(WRITE, EDITOR),
    "PUT /api/v1/variables/{variable_id}": Rule(WRITE, EDITOR),
    "DELETE /api/v1/variables/{variable_id}": Rule(WRITE, EDITOR),
    "GET /api/v1/jobs/{job_id}/environment": Rule(READ, VIEWER),
    "GET /api/v1/jobs": Rule(LIST, VIEWER),
    "POST /api/v1/jobs": Rule(WRITE, EDITOR),
    "GET /api/v1/jobs/{job_id}": Rule(READ, VIEWER),
    "PUT /api/v1/jobs/{job_id}": Rule(WRITE, EDITOR),
    "DELETE /api/v1/jobs/{job_id}": Rule(WRITE, EDITOR),
    "POST /api/v1/jobs/{job_id}/duplicate": Rule(WRITE, EDITOR),
    "POST /api/v1/jobs/{job_id}/executions": Rule(WRITE, OPERATOR),
    "GET /api/v1/executions": Rule(LIST, VIEWER),
    "GET /api/v1/executions/{execution_id}": Rule(READ, VIEWER),
    "GET /api/v1/executions/{execution_id}/outputs": Rule(READ, VIEWER),
    "GET /api/v1/executions/{execution_id}/variables": Rule(READ, VIEWER),
    "POST /api/v1/executions/{execution_id}/cancel": Rule(WRITE, OPERATOR),
    "POST /api/v1/executions/{execution_id}/rerun": Rule(WRITE, OPERATOR),
    "POST /api/v1/executions/{execution_id}/rerun-failed": Rule(WRITE, OPERATOR),
    "POST /api/v1/executions/{execution_id}/pause": Rule(WRITE, OPERATOR),
    "POST /api/v1/executions/{execution_id}/continue": Rule(WRITE, OPERATOR),
    "POST /api/v1/commands": Rule(WRITE, EDITOR),
    "GET /api/v1/queue": Rule(LIST, VIEWER),
    "PATCH /api/v1/queue/{execution_id}": Rule(WRITE, OPERATOR),
    "GET /api/v1/limits": Rule(LIST, VIEWER),
    "PUT /api/v1/limits": Rule(WHOLE, ADMIN),
    "GET /api/v1/targets/{target_id}": Rule(READ, VIEWER),
    "GET /api/v1/targets/{target_id}/log": Rule(READ, VIEWER),
    "GET /api/v1/targets/{target_id}/log/lines": Rule(READ, VIEWER),
    "GET /api/v1/targets/{target_id}/log/times": Rule(READ, VIEWER),
    "GET /api/v1/targets/{target_id}/log/marks": Rule(READ, VIEWER),
    "POST /api/v1/targets/{target_id}/log/download-ticket": Rule(READ, VIEWER),
    "GET /api/v1/targets/{target_id}/log/search": Rule(READ, VIEWER),
    "GET /api/v1/executions/{execution_id}/log/search": Rule(READ, VIEWER),
    "GET /api/v1/jobs/{job_id}/log/search": Rule(READ, VIEWER),
    "GET /api/v1/executions/{execution_id}/log/merged": Rule(READ, VIEWER),
    "GET /api/v1/dashboard": Rule(LIST, VIEWER),
    "GET /api/v1/storage": Rule(LIST, VIEWER),
    "GET /api/v1/storage/policies": Rule(LIST, VIEWER),
    "POST /api/v1/storage/preview": Rule(READ, VIEWER),
    "PUT /api/v1/storage/policies/global": Rule(WHOLE, ADMIN),
    "PUT /api/v1/storage/policies/projects/{project_id}": Rule(WRITE, ADMIN),
    "DELETE /api/v1/storage/policies/projects/{project_id}": Rule(WRITE, ADMIN),
    "PUT /api/v1/storage/policies/jobs/{job_id}": Rule(WRITE, ADMIN),
    "DELETE /api/v1/storage/policies/jobs/{job_id}": Rule(WRITE, ADMIN),
    "PUT /api/v1/executions/{execution_id}/pin": Rule(WRITE, OPERATOR),
    "DELETE /api/v1/executions/{execution_id}/pin": Rule(WRITE, OPERATOR),
    "GET /api/v1/workers": Rule(WHOLE, VIEWER),
    "POST /api/v1/workers/{worker_id}/drain": Rule(WHOLE, ADMIN),
    "POST /api/v1/workers/{worker_id}/resume": Rule(WHOLE, ADMIN),
    "GET /api/v1/audit": Rule(LIST, ADMIN),
    "GET /api/v1/audit/actions": Rule(LIST, ADMIN),
    "GET /api/v1/audit/chain": Rule(LIST, ADMIN),
    "GET /api/v1/audit/export": Rule(LIST, ADMIN),
    "POST /api/v1/audit/verification": Rule(WHOLE, ADMIN),
    "PUT /api/v1/audit/retention": Rule(WHOLE, ADMIN),
}
NOWHERE: Final[dict[str, int | str]] = {
    "worker_id": 9_999,
    "user_id": 9_999,
    "invitation_id": 9_999,
    "session_id": "1" * 32,
    "token_id": 9_999,
    "provider_id": 9_999,
    "identity_id": 9_999,
}
NAMES_THINGS: Final = {
    "GET /api/v1/credentials",
    "GET /api/v1/servers",
    "GET /api/v1/servers/tags",
    "POST /api/v1/servers/resolve",
    "GET /api/v1/jobs",
    "GET /api/v1/executions",
    "GET /api/v1/queue",
    "GET /api/v1/limits",
    "GET /api/v1/dashboard",
    "GET /api/v1/storage",
    "GET /api/v1/storage/policies",
    "GET /api/v1/projects",
}
"""どこでも見える人になら、よその物の名前が出る一覧。"""


def routes() -> Iterator[str]:
    """アプリケーションにある道の全部。"""
    for context in iter_route_contexts(create_api_with_stream().routes):
        methods: set[str] = getattr(context, "methods", None) or set()
        yield from (f"{method} {context.path}" for method in methods - {"HEAD"})


@pytest.fixture
async def world(api: Api) -> TwoProjects:
    made = TwoProjects(api)
    await made.prepare()
    return made


async def call(
    client: httpx.AsyncClient, route: str, things: Things, whole: Mapping[str, int | str]
) -> httpx.Response:
    """その道を、その物の番号で呼ぶ。``whole`` は、どのプロジェクトのものでもない物の番号。"""
    method, template = route.split()
    numbers = {**asdict(things), **whole, "run_id": "20260101-x"}
    address = f"{template}?{QUERIES.get(route, '')}".format_map(numbers)
    body = BODIES[route](things) if route in BODIES else None
    return await client.request(method, f"http://tsubame.test{address}", json=body)


def test_every_route_is_listed() -> None:
    """アプリケーションの道と、この表が一致する。"""
    assert sorted(routes()) == sorted(OPEN | MATRIX.keys())


async def test_login_is_needed(api: Api) -> None:
    """表の道はどれも、通行証がなければ 401 で、本文より先に断る。"""
    things = Things(*[9_999] * 8)
    async with api.anonymous() as client:
        for route in MATRIX:
            for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
                client.headers.update(headers)
                answer = await call(client, route, things, NOWHERE)
                assert problem(answer, 401)["code"] == "unauthenticated", route
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("who", EVERYBODY, ids=str)
async def test_everybody_at_every_route(world: TwoProjects, who: Who) -> None:
    """どの道も、自分のとよそのプロジェクトの物に、表のとおりに答える。よその物の名前は、漏れない。"""
    wrong = []
    async with world.api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {await world.token_of(who)}"
        for route, rule in MATRIX.items():
            for own in (True, False):
                expected = rule.status(who, own=own)
                things = world.own if own else world.other
                if expected is None and not route.startswith("GET"):
                    # 通れば物が変わるか消えるので、その都度あたらしい物に
                    things = await world.furnish(own=own)
                    await _give_what_can_be_taken(world, things)
                answer = await call(client, route, things, world.whole)
                if not _as_expected(answer, expected):
                    wrong.append(
                        (route, "own" if own else "other", expected, answer.status_code, answer.text)
                    )
                if who.role is None:
                    assert MARK not in answer.text, route
    assert wrong == []


def _as_expected(answer: httpx.Response, expected: int | None) -> bool:
    if expected is not None:
        return answer.status_code == expected
    return answer.status_code < 500 and answer.status_code not in {401, 403, 404, 429}


async def _give_what_can_be_taken(world: TwoProjects, things: Things) -> None:
    """外す道が相手にする、一員と保存の決まりを付ける。"""
    services, somebody = world.api.services, UserId(int(world.whole["user_id"]))
    await services.projects.set_member(SYSTEM, ProjectId(things.project_id), somebody, VIEWER)
    for place in (PolicyPlace.project(ProjectId(things.project_id)), PolicyPlace.job(JobId(things.job_id))):
        await services.storage.set_policy(SYSTEM, place, Policy(7, 3650, None))


async def test_the_lists_do_name_other_things(world: TwoProjects) -> None:
    """どこでも見える人には、よその物も並ぶ。漏れないことの試験が、空の一覧を見ているのではない証し。"""
    await _give_what_can_be_taken(world, world.other)
    async with world.api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {await world.token_of(Who(OPERATOR))}"
        naming = {
            route
            for route, rule in MATRIX.items()
            if rule.kind is LIST and MARK in (await call(client, route, world.other, world.whole)).text
        }
    assert naming == NAMES_THINGS


@pytest.mark.parametrize("parameter", sorted(asdict(Things(*[0] * 8))))
async def test_numbers_of_others_are_nobody(world: TwoProjects, parameter: str) -> None:
    """番号の入る道はどれも、よその物の番号に、ない番号と同じ答えを返す(自分の側では管理者でも)。"""
    touching = [route for route in MATRIX if f"{{{parameter}}}" in route]
    assert touching
    nobody = Things(*[9_999_999] * 8)
    async with world.api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {await world.token_of(Who(None, ADMIN))}"
        for route in touching:
            theirs = await call(client, route, world.other, world.whole)
            missing = await call(client, route, nobody, world.whole)
            assert theirs.status_code == missing.status_code == 404, route
            assert _without_numbers(theirs) == _without_numbers(missing), route


def _without_numbers(answer: httpx.Response) -> str:
    return "".join(character for character in answer.text if not character.isdecimal())


def test_the_only_websocket_is_the_stream() -> None:
    """WebSocket の道は一つだけで、最初の文での名乗りを求める(その試験は stream の側にある)。"""
    sockets = [
        context.path
        for context in iter_route_contexts(create_api_with_stream().routes)
        if getattr(context, "methods", None) is None
    ]
    assert sockets == ["/api/v1/stream"]
