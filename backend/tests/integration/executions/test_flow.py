"""実行の進み: 対象が終わるたびの、やり直し、波、失敗のしきい値。"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select, update

from harness.queueing import Floor, Order
from tsubame.business.executions.entities import CancelReason, PauseReason, TargetResult
from tsubame.business.executions.service import ExecutionService
from tsubame.business.executions.starting import StartService
from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.business.jobs.policies import OnFailures, Retry, Strategy
from tsubame.business.shared.actor import SYSTEM
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.tables.executions import targets
from tsubame.data_access.transactions import SqlTransactions

GOOD = TargetResult(TargetState.SUCCEEDED, exit_code=0)
BAD = TargetResult(TargetState.FAILED, reason="exit_nonzero", exit_code=1)
REFUSED = TargetResult(TargetState.FAILED, reason="connect_refused")
CANCELLED = TargetResult(TargetState.CANCELLED, reason="cancelled_by_user")


@pytest.fixture
async def floor(transactions: SqlTransactions) -> Floor:
    """十まで引き受けるワーカーが一つ。"""
    made = Floor(transactions)
    await made.worker(10)
    return made


@pytest.fixture
def people(transactions: SqlTransactions) -> ExecutionService:
    return ExecutionService(transactions, SystemClock())


@pytest.fixture
def starts(transactions: SqlTransactions) -> StartService:
    return StartService(transactions, SystemClock(), FernetVault([Fernet.generate_key().decode()]))


async def states(floor: Floor, execution_id: int) -> list[str]:
    from_rows = select(targets.c.state).where(targets.c.execution_id == execution_id, targets.c.latest)
    async with floor.transactions.begin() as tx:
        return [str(row.state) for row in await tx.connection.execute(from_rows.order_by(targets.c.position))]


async def test_unreachable_server_is_tried_again_after_a_while(floor: Floor) -> None:
    """届かなかった対象は、間をおいて次の試みになり、前の試みは履歴に残る。"""
    retry = Retry(max_attempts=2, delay_s=60, jitter=0)
    execution = await floor.queue(await floor.servers(1), Order(retry=retry))
    await floor.admit()
    began = datetime.now(UTC)
    await floor.run(execution, 0, REFUSED)
    detail = await floor.detail(execution)
    (target,) = detail.targets
    assert (detail.execution.state, detail.execution.finished_at) == (ExecutionState.QUEUED, None)
    assert (target.attempt, target.state, target.reason) == (2, TargetState.QUEUED, None)
    assert target.not_before is not None
    assert timedelta(seconds=59) < target.not_before - began < timedelta(seconds=70)
    (earlier,) = target.earlier_attempts
    assert (earlier.attempt, earlier.state, earlier.reason) == (1, TargetState.FAILED, "connect_refused")
    assert await floor.admit() == 0


async def test_last_attempt_is_the_result(floor: Floor) -> None:
    """回数を使い切ったら、最後の終わり方が実行の終わり方になる。数えるのは最後の試みだけ。"""
    execution = await floor.queue(
        await floor.servers(2), Order(retry=Retry(max_attempts=2, delay_s=0, exit_codes=(1,)))
    )
    await floor.admit()
    await floor.run(execution, 0, GOOD)
    await floor.run(execution, 1, BAD)
    assert await floor.admit() == 1
    await floor.run(execution, 1, BAD)
    detail = await floor.detail(execution)
    assert detail.execution.state is ExecutionState.PARTIALLY_FAILED
    assert detail.execution.state_counts == {"succeeded": 1, "failed": 1}
    assert detail.targets[1].attempt == 2
    run_ids = select(func.count(targets.c.run_id.distinct())).where(targets.c.execution_id == execution)
    async with floor.transactions.begin() as tx:
        assert (await tx.connection.execute(run_ids)).scalar_one() == 3


async def test_cancelled_execution_is_not_tried_again(floor: Floor) -> None:
    """中止を求めたあとの失敗は、やり直さない。"""
    execution = await floor.queue(await floor.servers(1), Order(retry=Retry(max_attempts=5, exit_codes=(1,))))
    await floor.admit()
    now = datetime.now(UTC)
    target_id = await floor.target(execution, 0)
    async with floor.transactions.begin() as tx:
        await tx.connection.execute(
            update(targets).where(targets.c.id == target_id).values(state="starting", lease_worker_id=1)
        )
    async with floor.transactions.begin() as tx:
        assert await tx.executions.request_cancel(execution, SYSTEM, now) == [target_id]
        await tx.connection.execute(
            update(targets).where(targets.c.id == target_id).values(lease_worker_id=None)
        )
    await floor.run(execution, 0, BAD)
    detail = await floor.detail(execution)
    assert (detail.execution.state, detail.targets[0].attempt) == (ExecutionState.FAILED, 1)


async def test_waves_open_one_after_another(floor: Floor) -> None:
    """前の波が全部終わってから、次の波が始まる。許した数までの失敗では止まらない。"""
    strategy = Strategy(waves=("1", "2"), max_failures="1")
    execution = await floor.queue(await floor.servers(5), Order(strategy=strategy))
    assert await floor.admit() == 1
    await floor.run(execution, 0, BAD)
    assert await floor.admit() == 2
    await floor.run(execution, 1, GOOD)
    assert await floor.admit() == 0
    await floor.run(execution, 2, GOOD)
    assert await floor.admit() == 2
    assert await floor.inside(execution) == [3, 4]


async def test_too_many_failures_skip_the_rest(floor: Floor) -> None:
    """失敗が許した数を超えたら、動いているものは最後まで動かし、残りは飛ばす。"""
    strategy = Strategy(max_parallel=2, max_failures="0")
    execution = await floor.queue(await floor.servers(4), Order(strategy=strategy))
    await floor.admit()
    await floor.run(execution, 0, BAD)
    assert await states(floor, execution) == ["failed", "queued", "skipped", "skipped"]
    await floor.run(execution, 1, GOOD)
    detail = await floor.detail(execution)
    assert detail.execution.state is ExecutionState.PARTIALLY_FAILED
    assert [target.reason for target in detail.targets[2:]] == ["strategy_stopped"] * 2


async def test_simultaneous_ends_open_the_wave_once(floor: Floor) -> None:
    """波の最後の対象がいくつ同時に終わっても、次の波は一つだけ開く。"""
    strategy = Strategy(waves=("5", "2", "2"))
    execution = await floor.queue(await floor.servers(9), Order(strategy=strategy))
    assert await floor.admit() == 5
    await asyncio.gather(*(floor.run(execution, position, GOOD) for position in range(5)))
    assert await floor.admit() == 2
    assert await floor.inside(execution) == [5, 6]


async def test_failures_pause_until_a_person_continues(floor: Floor, people: ExecutionService) -> None:
    """「待つ」と決めた作戦は、失敗で止まり、人が続けると、それまでの失敗を許して進む。"""
    strategy = Strategy(max_parallel=1, max_failures="0", on_failures=OnFailures.PAUSE)
    execution = await floor.queue(await floor.servers(4), Order(strategy=strategy))
    await floor.admit()
    await floor.run(execution, 0, BAD)
    paused = (await floor.detail(execution)).execution
    assert (paused.state, paused.paused_reason, paused.paused_by_name) == (
        ExecutionState.PAUSED,
        PauseReason.TOO_MANY_FAILURES,
        None,
    )
    assert await floor.admit() == 0
    continued = (await people.go_on(SYSTEM, execution)).execution
    assert (continued.state, continued.paused_at) == (ExecutionState.RUNNING, None)
    assert await floor.admit() == 1
    await floor.run(execution, 1, GOOD)
    assert await floor.admit() == 1
    await floor.run(execution, 2, BAD)
    assert (await floor.detail(execution)).execution.state is ExecutionState.PAUSED


async def test_person_is_asked_between_waves(floor: Floor, people: ExecutionService) -> None:
    """波ごとに人を待つ作戦は、続けると次の波だけを開く。最後の波のあとは待たない。"""
    strategy = Strategy(waves=("1", "1"), pause_between_waves=True)
    execution = await floor.queue(await floor.servers(3), Order(strategy=strategy))
    for position in range(3):
        assert await floor.admit() == 1
        await floor.run(execution, position, GOOD)
        found = (await floor.detail(execution)).execution
        if position < 2:
            assert (found.state, found.paused_reason) == (ExecutionState.PAUSED, PauseReason.BETWEEN_WAVES)
            await people.go_on(SYSTEM, execution)
    assert found.state is ExecutionState.SUCCEEDED


async def test_pause_keeps_running_targets(floor: Floor, people: ExecutionService) -> None:
    """人が待たせても、動いている対象は最後まで動く。波の途中なら、続けたときその波の残りから。"""
    strategy = Strategy(max_parallel=1, waves=("2",))
    execution = await floor.queue(await floor.servers(3), Order(strategy=strategy))
    await floor.admit()
    await people.pause(SYSTEM, execution)
    await floor.run(execution, 0, GOOD)
    paused = (await floor.detail(execution)).execution
    assert (paused.state, paused.paused_by_name) == (ExecutionState.PAUSED, "system")
    assert await floor.admit() == 0
    await people.go_on(SYSTEM, execution)
    assert await floor.admit() == 1
    assert await floor.inside(execution) == [1]


async def test_paused_execution_can_be_cancelled(floor: Floor, people: ExecutionService) -> None:
    """待たせた実行は、そのまま止められる。"""
    execution = await floor.queue(await floor.servers(2))
    await people.pause(SYSTEM, execution)
    assert (await people.cancel(SYSTEM, execution)).execution.state is ExecutionState.CANCELLED


async def test_rerun_failed_tries_only_what_did_not_succeed(floor: Floor, starts: StartService) -> None:
    """失敗した対象だけが、同じ実行の次の試みになる。波も最初からやり直す。"""
    strategy = Strategy(waves=("1", "1"), max_failures="0")
    execution = await floor.queue(await floor.servers(4), Order(strategy=strategy))
    await floor.admit()
    await floor.run(execution, 0, GOOD)
    await floor.admit()
    await floor.run(execution, 1, BAD)
    assert await states(floor, execution) == ["succeeded", "failed", "skipped", "skipped"]
    again = await starts.rerun_failed(SYSTEM, execution)
    assert again.execution.finished_at is None
    assert [target.attempt for target in again.targets] == [1, 2, 2, 2]
    assert await floor.inside(execution) == [1]
    await floor.run(execution, 1, GOOD)
    assert await floor.admit() == 2
    await floor.run(execution, 2, GOOD)
    await floor.run(execution, 3, GOOD)
    detail = await floor.detail(execution)
    assert detail.execution.state is ExecutionState.SUCCEEDED
    assert detail.execution.state_counts == {"succeeded": 4}


async def test_rerun_after_cancel_forgets_the_cancel(floor: Floor, starts: StartService) -> None:
    """中止した実行をもう一度動かすと、中止の求めは消え、順番はあらためて並び直す。"""
    execution = await floor.queue(await floor.servers(1), Order(age_s=3600))
    async with floor.transactions.begin() as tx:
        await tx.executions.request_cancel(execution, SYSTEM, datetime.now(UTC), CancelReason.REPLACED)
    began = datetime.now(UTC)
    again = (await starts.rerun_failed(SYSTEM, execution)).execution
    assert (again.cancel_requested_at, again.cancel_reason) == (None, None)
    assert again.queued_at >= began
    assert await floor.inside(execution) == [0]


async def test_replaced_run_says_so(floor: Floor) -> None:
    """置き換えられて止まった走りは、人が止めたのとは違うわけを持つ。"""
    execution = await floor.queue(await floor.servers(2))
    await floor.limit(everything=1)
    await floor.admit()
    target_id, now = await floor.target(execution, 0), datetime.now(UTC)
    async with floor.transactions.begin() as tx:
        await tx.connection.execute(
            update(targets).where(targets.c.id == target_id).values(state="starting", lease_worker_id=1)
        )
    async with floor.transactions.begin() as tx:
        await tx.executions.request_cancel(execution, SYSTEM, now, CancelReason.REPLACED)
        await tx.connection.execute(
            update(targets).where(targets.c.id == target_id).values(lease_worker_id=None)
        )
    await floor.run(execution, 0, CANCELLED)
    assert [target.reason for target in (await floor.detail(execution)).targets] == ["replaced"] * 2
