"""権利(lease): 一つの対象を動かすのは、いつも一人だけ。"""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.executions import NOW, age_target, claim_target, place_execution, place_worker
from tsubame.business.executions.dispatch import Dispatch
from tsubame.business.executions.entities import Ending, Mark, TargetResult
from tsubame.business.executions.errors import AlreadyEndedError, LeaseLostError
from tsubame.business.executions.records import TargetRecords
from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.workers.entities import Identity
from tsubame.data_access.db.presence import Presence
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions
from tsubame.data_access.vitals import vitals

ME = Identity("test", 1, "0", capacity=4)
SUCCEEDED = TargetResult(state=TargetState.SUCCEEDED, exit_code=0)


async def test_only_one_of_two_workers_gets_a_target(transactions: SqlTransactions) -> None:
    """同じ対象が二人に届いても、権利を取れるのは一人だけ。"""
    placed = await place_execution(transactions)
    workers = [await place_worker(transactions) for _ in range(2)]

    async def claim(worker: int) -> bool:
        return await claim_target(transactions, placed.targets[0], workers[worker]) is not None

    assert sorted(await asyncio.gather(claim(0), claim(1))) == [False, True]


async def test_claim_moves_execution_to_running(transactions: SqlTransactions) -> None:
    """権利を取ると、対象は「開始中」、実行は「実行中」になる。"""
    placed = await place_execution(transactions)
    worker = await place_worker(transactions)
    assignment = await claim_target(transactions, placed.targets[0], worker)
    async with transactions.begin() as tx:
        execution = await tx.executions.get(placed.id)
    assert assignment is not None
    assert assignment.state is TargetState.STARTING
    assert (execution.state, execution.state_counts) == (ExecutionState.RUNNING, {"starting": 1})


async def test_stale_epoch_can_write_nothing(transactions: SqlTransactions) -> None:
    """引き継がれたあとの古いワーカーは、終わりも状態も書けない。"""
    placed = await place_execution(transactions)
    dead = await place_worker(transactions, silent_s=60)
    stale = await claim_target(transactions, placed.targets[0], dead)
    assert stale is not None
    async with transactions.begin() as tx:
        assert await tx.targets.release_orphans(silent_too=True) == 1
    async with transactions.begin() as tx:
        assert not await tx.targets.mark([Mark(stale.lease, TargetState.RUNNING)], NOW)
        assert not await tx.targets.finish([Ending(stale.lease, SUCCEEDED)], NOW)
    records = TargetRecords(transactions, SystemClock(), dead)
    with pytest.raises(LeaseLostError):
        await records.end(Ending(stale.lease, SUCCEEDED))


async def test_living_worker_keeps_its_targets(transactions: SqlTransactions, engine: AsyncEngine) -> None:
    """鎖を持ち、心拍を打つワーカーから、対象を取り上げない。"""
    placed = await place_execution(transactions)
    presence = await Presence.register(engine, ME)
    keeping = asyncio.create_task(presence.keep(vitals))
    try:
        assert await claim_target(transactions, placed.targets[0], presence.worker_id) is not None
        async with transactions.begin() as tx:
            assert await tx.targets.release_orphans(silent_too=True) == 0
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_worker_that_left_is_taken_over_at_once(
    transactions: SqlTransactions, engine: AsyncEngine
) -> None:
    """去ったワーカーの対象は、心拍の途切れを待たずに引き継げる。"""
    placed = await place_execution(transactions)
    presence = await Presence.register(engine, ME)
    await claim_target(transactions, placed.targets[0], presence.worker_id)
    await presence.leave()
    async with transactions.begin() as tx:
        assert await tx.targets.release_orphans(silent_too=False) == 1


async def test_lost_delivery_is_delivered_again_once(transactions: SqlTransactions) -> None:
    """配達の列が対象を失っても、見回りが積み直す。積んだあとは重ねて積まない。"""
    placed = await place_execution(transactions)
    await age_target(transactions, placed.targets[0], seconds=60)
    dispatch = Dispatch(transactions)
    assert await dispatch.sweep() == 1
    assert await dispatch.sweep() == 0


async def test_last_target_ends_the_execution(transactions: SqlTransactions) -> None:
    """全部の対象が同時に終わっても、実行の終わりを見落とさない。"""
    placed = await place_execution(transactions, server_count=8)
    worker = await place_worker(transactions)

    async def finish(index: int) -> None:
        assignment = await claim_target(transactions, placed.targets[index], worker)
        assert assignment is not None
        async with transactions.begin() as tx:
            await tx.targets.mark([Mark(assignment.lease, TargetState.RUNNING)], NOW)
        async with transactions.begin() as tx:
            await tx.targets.finish([Ending(assignment.lease, SUCCEEDED)], NOW)

    await asyncio.gather(*(finish(index) for index in range(8)))
    async with transactions.begin() as tx:
        execution = await tx.executions.get(placed.id)
    assert (execution.state, execution.state_counts) == (ExecutionState.SUCCEEDED, {"succeeded": 8})
    assert execution.finished_at == NOW


async def test_cancel_ends_waiting_targets_and_names_running_ones(transactions: SqlTransactions) -> None:
    """中止すると、待っている対象はその場で終わり、動いている対象だけが止める相手として返る。"""
    placed = await place_execution(transactions, server_count=2)
    worker = await place_worker(transactions)
    await claim_target(transactions, placed.targets[0], worker)
    async with transactions.begin() as tx:
        left = await tx.executions.request_cancel(placed.id, SYSTEM, NOW)
    async with transactions.begin() as tx:
        waiting = await tx.targets.get(placed.targets[1])
    assert left == [placed.targets[0]]
    assert (waiting.state, waiting.reason) == (TargetState.CANCELLED, "cancelled_by_user")


async def test_ended_execution_cannot_be_cancelled(transactions: SqlTransactions) -> None:
    """終わった実行の中止は断る。"""
    placed = await place_execution(transactions)
    async with transactions.begin() as tx:
        await tx.executions.request_cancel(placed.id, SYSTEM, NOW)
    with pytest.raises(AlreadyEndedError):
        async with transactions.begin() as tx:
            await tx.executions.request_cancel(placed.id, SYSTEM, NOW)


async def test_undone_transaction_delivers_nothing(transactions: SqlTransactions) -> None:
    """実行の行と配達は一緒に確定する。取り消した実行が、あとから配達されることはない。"""
    placed = await place_execution(transactions)
    await age_target(transactions, placed.targets[0], seconds=60)

    async def deliver_and_fail() -> None:
        async with transactions.begin() as tx:
            await tx.queue.deliver(placed.targets)
            raise LookupError

    with pytest.raises(LookupError):
        await deliver_and_fail()
    assert await Dispatch(transactions).sweep() == 1


async def test_many_records_at_once_are_written_together(transactions: SqlTransactions) -> None:
    """同時に引き受け、同時に終えても、二重に渡らず、権利を失った一つだけが断られる。"""
    placed = await place_execution(transactions, server_count=5)
    records = TargetRecords(transactions, SystemClock(), await place_worker(transactions))
    twice = [*placed.targets, placed.targets[0]]
    assignments = await asyncio.gather(*(records.claim(target_id) for target_id in twice))
    mine = [assignment for assignment in assignments if assignment is not None]
    assert sorted(assignment.lease.target_id for assignment in mine) == sorted(placed.targets)
    async with transactions.begin() as tx:
        await tx.targets.release(mine[0].lease)
    ends = await asyncio.gather(
        *(records.end(Ending(assignment.lease, SUCCEEDED)) for assignment in mine), return_exceptions=True
    )
    assert [type(end) for end in ends] == [LeaseLostError, *[type(None)] * 4]
    async with transactions.begin() as tx:
        execution = await tx.executions.get(placed.id)
    assert execution.state_counts == {"starting": 1, "succeeded": 4}
