"""OpenAPI の全部の道へ、役割ごとに、形に合う要求と合わない要求を送る。"""

from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from schemathesis import Case
from structlog.testing import capture_logs

from harness.api import BASE, Api, created
from harness.factories import new_job, new_server
from harness.openapi_cases import complaint, every_case, request_of
from tsubame.business.shared.permissions import Role


@pytest.mark.timeout(900)
async def test_every_answer_keeps_the_promise(api: Api) -> None:
    """だれが何を送っても、5xx にならず、答えの番号・種類・見出し・形は、OpenAPI に書いたものだけになる。"""
    async with AsyncExitStack() as stack:
        callers = {str(role): await stack.enter_async_context(api.client(role)) for role in Role}
        callers["nobody"] = await stack.enter_async_context(api.anonymous())
        await _furnish(callers["admin"])
        wrong: Counter[str] = Counter()
        answered: Counter[int] = Counter()
        with capture_logs():  # 予期しない失敗の長い跡は、下の苦情に任せる
            for number, case in enumerate(every_case()):
                if number % 2:
                    _aim_at_what_exists(case)
                for caller, client in callers.items():
                    request = request_of(case, BASE)
                    request.headers.update(client.headers)
                    answer = await client.send(request)
                    answered[answer.status_code] += 1
                    problem = complaint(case, answer)
                    if problem is not None:
                        wrong[f"{caller}: {case.operation.label}: {problem[:600]}"] += 1
    assert not wrong, "\n\n".join(wrong)
    # 断られてばかりでは、答えの形を見たことにならない
    assert answered[httpx.codes.OK] > 100, answered
    assert answered[httpx.codes.CREATED] > 10, answered


async def _furnish(admin: httpx.AsyncClient) -> None:
    server = await new_server(admin)
    job = await new_job(admin, server["id"])
    created(await admin.post(f"/jobs/{job['id']}/executions"))
    created(await admin.post("/invitations", json={"role": "viewer"}))
    created(
        await admin.post("/variables", json={"scope": "global", "name": "A", "kind": "plain", "value": "1"})
    )
    token = {"name": "deploy", "scopes": ["job:read"], "lifetime_days": 1}
    created(await admin.post("/me/tokens", json=token))
    created(await admin.post("/projects/1/tokens", json=token | {"role": "viewer"}))


def _aim_at_what_exists(case: Case[Any]) -> None:
    """道の番号を、あるもの(どの部屋でも 1 番)に向ける。でたらめな番号では、いつも 404 になる。"""
    parameters: dict[str, Any] | None = case.path_parameters
    for name in parameters or {}:
        if name.endswith("_id") and parameters is not None:
            parameters[name] = 1
