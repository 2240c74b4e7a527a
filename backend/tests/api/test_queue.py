"""待ち行列・上限・待たせる・続けるの道。"""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from harness.api import Api, created, field_codes, found, problem
from harness.factories import job_body, new_job, new_server, server_body
from harness.waiting import eventually
from tsubame.business.executions.admitter import Admitter
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import ExecutionId
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.executions import targets, workers
from tsubame.data_access.tables.servers import servers


async def start(client: httpx.AsyncClient, job: dict[str, Any], **body: Any) -> dict[str, Any]:
    return created(await client.post(f"/jobs/{job['id']}/executions", json=body or None))


async def add_worker(api: Api, capacity: int) -> None:
    async with api.transactions.begin() as tx:
        await tx.connection.execute(insert(workers).values(host="h", pid=1, version="0", capacity=capacity))


async def queue(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = found(await client.get("/queue"))["items"]
    return items


async def test_queue_is_in_order_and_can_be_changed(api: Api, admin: httpx.AsyncClient) -> None:
    """待っている実行が始まる順に並び、優先度を上げると前に出る。始まったものは載らない。"""
    job = await new_job(admin, (await new_server(admin))["id"])
    assert await queue(admin) == []
    await add_worker(api, 1)
    running, first, second = [await start(admin, job) for _ in range(3)]
    assert running["queue"] is None
    listed = await queue(admin)
    assert [(item["execution_id"], item["position"]) for item in listed] == [
        (first["id"], 1),
        (second["id"], 2),
    ]
    assert {key: listed[0][key] for key in ("job_name", "kind", "waiting", "waits_for", "priority")} == {
        "job_name": "hello",
        "kind": "job",
        "waiting": 1,
        "waits_for": "no_worker",
        "priority": 0,
    }
    moved = found(await admin.patch(f"/queue/{second['id']}", json={"priority": 3}))
    assert (moved["priority"], moved["queue"]["position"]) == (3, 1)
    assert [item["execution_id"] for item in await queue(admin)] == [second["id"], first["id"]]
    refused = await admin.patch(f"/queue/{running['id']}", json={"priority": 3})
    assert problem(refused, 409)["code"] == "execution_not_in_queue"
    assert field_codes(await admin.patch(f"/queue/{first['id']}", json={"priority": 101})) == {
        "priority": "less_than_equal"
    }
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.details).where(audit_events.c.action == "execution.priority_changed")
        change = {"changes": {"priority": {"from": 0, "to": 3}}}
        assert (await tx.connection.execute(query)).scalars().all() == [change]


async def test_limits(api: Api, admin: httpx.AsyncClient) -> None:
    """上限を変えると、そこまでしか始まらず、待つわけにそれが出る。"""
    await add_worker(api, 10)
    job = await new_job(admin, *[(await new_server(admin, name=f"s{n}"))["id"] for n in range(3)])
    limits = found(await admin.get("/limits"))
    project = {"id": 1, "name": "default", "max_parallel": None, "running": 0}
    assert limits == {"max_parallel": None, "capacity": 10, "running": 0, "projects": [project]}
    body = {"max_parallel": 2, "projects": [{"id": 1, "max_parallel": 1}]}
    changed = found(await admin.put("/limits", json=body))
    assert (changed["max_parallel"], changed["projects"][0]["max_parallel"]) == (2, 1)
    execution = await start(admin, job)
    assert (execution["queue"]["waits_for"], execution["queue"]["waits_for_name"]) == (
        "project_limit",
        "default",
    )
    assert execution["queue"]["waiting"] == 2
    found(await admin.put("/limits", json={"max_parallel": 1}))
    after = found(await admin.get("/limits"))
    assert (after["running"], after["projects"][0]["running"]) == (1, 1)
    assert after["projects"][0]["max_parallel"] == 1
    assert (await queue(admin))[0]["waits_for"] == "global_limit"
    unknown = {"max_parallel": None, "projects": [{"id": 9, "max_parallel": 1}]}
    assert field_codes(await admin.put("/limits", json=unknown)) == {"projects.0.id": "project_not_found"}
    assert found(await admin.get("/limits"))["max_parallel"] == 1


@pytest.mark.parametrize(
    ("strategy", "waits_for"),
    [({"max_parallel": 1}, "execution_parallel"), ({"waves": ["1"]}, "wave"), ({}, "server_limit")],
)
async def test_what_it_waits_for(
    api: Api, admin: httpx.AsyncClient, strategy: dict[str, Any], waits_for: str
) -> None:
    """待っているわけを、機械の読む名前と、待つ相手の名前で言う。"""
    await add_worker(api, 10)
    ids = [(await new_server(admin, name=f"s{n}"))["id"] for n in range(2)]
    async with api.transactions.begin() as tx:
        await tx.connection.execute(update(servers).values(max_parallel=1))
    job = await new_job(admin, *ids, strategy=strategy)
    execution = await start(admin, job)
    if waits_for == "server_limit":
        execution = await start(admin, job, server_ids=[ids[1]])
        assert execution["queue"]["waits_for_name"] == "s1"
    assert execution["queue"]["waits_for"] == waits_for


async def test_pause_and_continue(admin: httpx.AsyncClient) -> None:
    """待たせると理由と名前が残り、続けると消える。二度待たせたり、待っていないものは続けられない。"""
    job = await new_job(admin, (await new_server(admin))["id"])
    execution = await start(admin, job)
    path = f"/executions/{execution['id']}"
    assert problem(await admin.post(f"{path}/continue"), 409)["code"] == "execution_not_paused"
    paused = found(await admin.post(f"{path}/pause"))
    assert (paused["state"], paused["paused_reason"], paused["paused_by_name"]) == (
        "paused",
        "by_person",
        "admin-user",
    )
    assert paused["queue"]["waits_for"] == "paused"
    assert problem(await admin.post(f"{path}/pause"), 409)["code"] == "execution_already_paused"
    dashboard = found(await admin.get("/dashboard"))
    assert [item["id"] for item in dashboard["running"]] == [execution["id"]]
    continued = found(await admin.post(f"{path}/continue"))
    assert (continued["state"], continued["paused_at"]) == ("queued", None)
    found(await admin.post(f"{path}/cancel"))
    for action in ("pause", "continue"):
        refused = await admin.post(f"{path}/{action}")
        assert problem(refused, 409)["code"] == "execution_already_ended"


async def test_rerun_failed(api: Api, admin: httpx.AsyncClient) -> None:
    """終わった実行の、成功しなかった対象だけが次の試みになる。前の試みも、その番号で読める。"""
    job = await new_job(admin, *[(await new_server(admin, name=f"s{n}"))["id"] for n in range(2)])
    execution = await start(admin, job)
    path = f"/executions/{execution['id']}"
    assert problem(await admin.post(f"{path}/rerun-failed"), 409)["code"] == "execution_not_ended"
    first, second = (target["id"] for target in execution["targets"])
    async with api.transactions.begin() as tx:
        ended = update(targets).where(targets.c.id == first).values(state="succeeded")
        await tx.connection.execute(ended)
        await tx.executions.request_cancel(ExecutionId(execution["id"]), SYSTEM, api.clock.now())
    again = found(await admin.post(f"{path}/rerun-failed"))
    assert (again["id"], again["state"], again["finished_at"]) == (execution["id"], "running", None)
    kept, retried = again["targets"]
    assert (kept["id"], kept["attempt"], kept["earlier_attempts"]) == (first, 1, [])
    (earlier,) = retried["earlier_attempts"]
    assert (retried["attempt"], retried["state"], retried["latest"]) == (2, "queued", True)
    assert (earlier["target_id"], earlier["state"]) == (second, "cancelled")
    assert found(await admin.get(f"/targets/{second}"))["latest"] is False
    assert found(await admin.get(f"/targets/{retried['id']}"))["earlier_attempts"] == [earlier]
    async with api.transactions.begin() as tx:
        await tx.connection.execute(update(targets).values(state="succeeded"))
        await tx.flow.refresh(ExecutionId(execution["id"]), api.clock.now())
    assert problem(await admin.post(f"{path}/rerun-failed"), 409)["code"] == "nothing_to_rerun"


async def test_wider_limits_wake_the_admitter(
    api: Api, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ジョブの同時実行の枠やサーバの上限を広げると、決まった間隔の見直しを待たずに始まる。"""
    monkeypatch.setattr("tsubame.business.executions.admitter._LOOK_AGAIN_S", 3600.0)
    await add_worker(api, 10)
    server = await new_server(admin, max_parallel=2)
    job = await new_job(admin, server["id"], queueing={"concurrency_limit": 1})
    for _ in range(3):
        await start(admin, job)
    admitter, connected = Admitter(api.transactions, api.clock), asyncio.Event()
    unsubscribe = api.foundation.bus.subscribe(admitter.on_signal, connected.set)
    working = [asyncio.create_task(work, name="hear") for work in (api.foundation.bus.run(), admitter.run())]
    try:
        await connected.wait()
        assert await admitted(api) == 1
        body = job_body(server["id"], queueing={"concurrency_limit": 3})
        found(await admin.put(f"/jobs/{job['id']}", json=body))
        await eventually(lambda: has_admitted(api, 2), "広げた枠の分が始まる")
        body = server_body(server["credential_id"], max_parallel=3)
        found(await admin.put(f"/servers/{server['id']}", json=body))
        await eventually(lambda: has_admitted(api, 3), "広げた上限の分が始まる")
    finally:
        unsubscribe()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def admitted(api: Api) -> int:
    async with api.transactions.begin() as tx:
        query = select(func.count()).where(targets.c.admitted_at.is_not(None))
        return int((await tx.connection.execute(query)).scalar_one())


async def has_admitted(api: Api, count: int) -> bool:
    return await admitted(api) == count
