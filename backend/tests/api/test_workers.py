"""ワーカーの道。"""

import asyncio
from datetime import timedelta

import httpx
from sqlalchemy import func, select, update

from harness.api import Api, found, problem
from harness.executions import claim_target, place_execution, place_worker
from harness.waiting import eventually
from tsubame.business.workers.entities import Identity
from tsubame.data_access.db.presence import Presence
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.executions import workers
from tsubame.data_access.vitals import vitals


async def listed(client: httpx.AsyncClient) -> list[dict[str, object]]:
    items: list[dict[str, object]] = found(await client.get("/workers"))["items"]
    return items


async def test_nobody_works_yet(admin: httpx.AsyncClient) -> None:
    """まだだれもいなければ、空の一覧。"""
    assert await listed(admin) == []


async def test_living_worker_is_listed_with_its_vitals(api: Api, admin: httpx.AsyncClient) -> None:
    """働いているワーカーは、名乗り・受け持ち・機械の様子とともに並ぶ。"""
    presence = await Presence.register(api.foundation.engine, Identity("ci-1", 7, "0.1.0", 500))
    keeping = asyncio.create_task(presence.keep(vitals))
    try:

        async def beaten() -> bool:
            return (await listed(admin))[0]["vitals"] is not None

        await eventually(beaten, "最初の心拍が届く")
        placed = await place_execution(api.transactions)
        await claim_target(api.transactions, placed.targets[0], presence.worker_id)
        (worker,) = await listed(admin)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert (worker["host"], worker["pid"], worker["version"]) == ("ci-1", 7, "0.1.0")
    assert (worker["state"], worker["running"], worker["capacity"]) == ("working", 1, 500)
    measured = worker["vitals"]
    assert isinstance(measured, dict)
    assert measured["rss_bytes"] > 10_000_000
    assert measured["cpu_count"] >= 1


async def test_drain_and_resume(api: Api, admin: httpx.AsyncClient) -> None:
    """引き受けを止めると、動いているあいだは「待ち」、終われば「止めてよい」。再開すると戻る。"""
    worker_id = await place_worker(api.transactions)
    placed = await place_execution(api.transactions, server_count=2)
    assignment = await claim_target(api.transactions, placed.targets[0], worker_id)
    assert assignment is not None
    assert found(await admin.post(f"/workers/{worker_id}/drain"))["state"] == "draining"
    assert await claim_target(api.transactions, placed.targets[1], worker_id) is None
    async with api.transactions.begin() as tx:
        await tx.targets.release(assignment.lease)
    assert (await listed(admin))[0]["state"] == "drained"
    assert found(await admin.post(f"/workers/{worker_id}/resume"))["state"] == "working"
    assert await claim_target(api.transactions, placed.targets[1], worker_id) is not None


async def test_drain_is_recorded_once(api: Api, admin: httpx.AsyncClient) -> None:
    """二度押しても、監査記録は一度。"""
    worker_id = await place_worker(api.transactions)
    for action in ("drain", "drain", "resume", "resume"):
        found(await admin.post(f"/workers/{worker_id}/{action}"))
    async with api.transactions.begin() as tx:
        rows = await tx.connection.execute(
            select(audit_events.c.action, audit_events.c.subject_name)
            .where(audit_events.c.subject_type == "worker")
            .order_by(audit_events.c.id)
        )
    assert [tuple(row) for row in rows] == [("worker.drained", "test:1"), ("worker.resumed", "test:1")]


async def test_stopped_worker_cannot_be_drained(api: Api, admin: httpx.AsyncClient) -> None:
    """去った者の引き受けは止められない。いない者は 404。"""
    worker_id = await place_worker(api.transactions)
    await Presence(api.foundation.engine, worker_id).leave()
    assert problem(await admin.post(f"/workers/{worker_id}/drain"), 409)["code"] == "worker_stopped"
    assert problem(await admin.post("/workers/9999/drain"), 404)["code"] == "worker_not_found"
    assert (await listed(admin))[0]["state"] == "stopped"


async def test_gone_workers_leave_the_list_after_a_day(api: Api, admin: httpx.AsyncClient) -> None:
    """去った者も黙った者も、一日たてば一覧から消える。"""
    gone, silent = [await place_worker(api.transactions, silent_s=60) for _ in range(2)]
    await Presence(api.foundation.engine, gone).leave()
    assert [worker["state"] for worker in await listed(admin)] == ["silent", "stopped"]
    async with api.transactions.begin() as tx:
        old = update(workers).values(heartbeat_at=func.now() - timedelta(days=1, seconds=1))
        await tx.connection.execute(old.where(workers.c.id.in_([gone, silent])))
    assert await listed(admin) == []
