"""順番: どの上限も超えず、優先度の順、待った順に、だれも飢えずに始まる。"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from harness.queueing import Floor, Order
from tsubame.business.executions.admission import admit
from tsubame.business.executions.states import ExecutionState
from tsubame.business.jobs.entities import ServerRef
from tsubame.business.jobs.policies import Strategy
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import ExecutionId, ServerId
from tsubame.data_access.tables.executions import executions, targets, workers
from tsubame.data_access.transactions import SqlTransactions


@pytest.fixture
async def floor(transactions: SqlTransactions) -> Floor:
    """百まで引き受けるワーカーが一つ。"""
    made = Floor(transactions)
    await made.worker(100)
    return made


async def test_everything_starts_when_there_is_room(floor: Floor) -> None:
    """空きがあれば全部が始まり、配達の列に積まれる。"""
    first = await floor.queue(await floor.servers(3))
    assert await floor.admit() == 3
    assert await floor.inside(first) == [0, 1, 2]
    assert await floor.admit() == 0


async def test_no_worker_no_start(transactions: SqlTransactions) -> None:
    """ワーカーがいない、死んでいる、断っているあいだは、だれも始まらない。"""
    floor = Floor(transactions)
    await floor.queue(await floor.servers(1))
    async with transactions.begin() as tx:
        ordinary = {"host": "h", "pid": 1, "version": "0", "capacity": 5}
        silent = func.now() - timedelta(seconds=60)
        await tx.connection.execute(insert(workers).values(ordinary | {"heartbeat_at": silent}))
        await tx.connection.execute(insert(workers).values(ordinary | {"draining_at": func.now()}))
        await tx.connection.execute(insert(workers).values(ordinary | {"stopped_at": func.now()}))
    assert await floor.admit() == 0
    await floor.worker(1)
    assert await floor.admit() == 1


async def test_workers_capacity_and_global_limit(floor: Floor) -> None:
    """全体では、上限とワーカーの数の小さいほうまで。"""
    servers_ = await floor.servers(200)
    await floor.queue(servers_)
    await floor.limit(everything=7)
    assert await floor.admit() == 7
    await floor.limit(everything=500)
    assert await floor.admit() == 93
    assert await floor.admit() == 0


async def test_project_limit(floor: Floor) -> None:
    """プロジェクトの上限を超えない。"""
    first = await floor.queue(await floor.servers(5))
    await floor.limit(project=2)
    assert await floor.admit() == 2
    await floor.end(first, 0)
    assert await floor.admit() == 1


async def test_server_limit_does_not_hold_up_the_rest(floor: Floor) -> None:
    """一杯のサーバを待つ対象が先頭にいても、後ろの対象は始まる。"""
    (busy,) = await floor.servers(1, max_parallel=1)
    (other,) = await floor.servers(1)
    await floor.limit(everything=3)
    waiting = [await floor.queue([busy], Order(age_s=100 - number)) for number in range(5)]
    late = await floor.queue([other])
    assert await floor.admit() == 2
    assert await floor.inside(waiting[0]) == [0]
    assert await floor.inside(late) == [0]
    await floor.end(waiting[0])
    assert await floor.admit() == 1
    assert await floor.inside(waiting[1]) == [0]


async def test_execution_runs_so_many_at_a_time(floor: Floor) -> None:
    """作戦の max_parallel を超えず、一つ終わるたびに、並びの順で次が始まる。"""
    execution = await floor.queue(await floor.servers(5), Order(strategy=Strategy(max_parallel=2)))
    assert await floor.admit() == 2
    await floor.end(execution, 1)
    assert await floor.admit() == 1
    assert await floor.inside(execution) == [0, 2]


async def test_only_open_waves_start(floor: Floor) -> None:
    """開いていない波の対象は始まらない。"""
    execution = await floor.queue(await floor.servers(4), Order(strategy=Strategy(waves=("1", "2"))))
    assert await floor.admit() == 1
    async with floor.transactions.begin() as tx:
        await tx.flow.open_wave(execution, 1)
    assert await floor.admit() == 2
    assert await floor.inside(execution) == [0, 1, 2]


async def test_paused_cancelled_and_early_ones_wait(floor: Floor) -> None:
    """待たせてあるもの、中止を求めたもの、間の過ぎていないものは始まらない。"""
    (one,) = await floor.servers(1)
    paused, cancelled, early = [await floor.queue([one]) for _ in range(3)]
    soon = datetime.now(UTC) + timedelta(minutes=1)
    async with floor.transactions.begin() as tx:
        for execution_id, values in (
            (paused, {"paused_at": soon}),
            (cancelled, {"cancel_requested_at": soon}),
        ):
            await tx.connection.execute(
                update(executions).where(executions.c.id == execution_id).values(values)
            )
        await tx.connection.execute(
            update(targets).where(targets.c.execution_id == early).values(not_before=soon)
        )
    assert await floor.admit() == 0


async def test_priority_then_age(floor: Floor) -> None:
    """優先度の高い順、同じなら先に並んだ順に始まる。"""
    (one,) = await floor.servers(1)
    await floor.limit(everything=1)
    late = await floor.queue([one], Order(age_s=1))
    early = await floor.queue([one], Order(age_s=2))
    urgent = await floor.queue([one], Order(priority=1))
    for expected in (urgent, early, late):
        assert await floor.admit() == 1
        assert await floor.inside(expected) == [0]
        await floor.end(expected)


async def test_a_minute_of_waiting_is_worth_one_priority(floor: Floor) -> None:
    """一分待つごとに優先度が一つ上がるのと同じなので、低いものも飢えない。"""
    (one,) = await floor.servers(1)
    await floor.limit(everything=1)
    newcomer = await floor.queue([one], Order(priority=100))
    patient = await floor.queue([one], Order(priority=-100, age_s=200 * 60 + 1))
    assert await floor.admit() == 1
    assert (await floor.inside(patient), await floor.inside(newcomer)) == ([0], [])


async def test_job_lets_in_so_many_executions(floor: Floor) -> None:
    """ジョブの枠の数だけが入り、一つ終わると、優先度の順に次が入る。枠は対象ではなく実行を数える。"""
    servers_ = await floor.servers(3)
    job = await floor.job(concurrency_limit=1)
    first = await floor.queue(servers_, Order(job, limited=True, age_s=3))
    second = await floor.queue(servers_, Order(job, limited=True, age_s=2))
    urgent = await floor.queue(servers_, Order(job, limited=True, priority=1))
    assert await floor.admit() == 3
    assert await floor.admit() == 0
    assert [await floor.entered(each) for each in (urgent, first, second)] == [True, False, False]
    await floor.end(urgent, 0, 1)
    assert await floor.admit() == 0
    await floor.end(urgent)
    assert await floor.admit() == 3
    assert [await floor.entered(each) for each in (first, second)] == [True, False]


async def test_deleted_job_and_lifted_limit_open_the_door(floor: Floor) -> None:
    """枠がなくなれば、待っていた実行はみな入る。"""
    servers_ = await floor.servers(1)
    job = await floor.job(concurrency_limit=1)
    waiting = [await floor.queue(servers_, Order(job, limited=True)) for _ in range(3)]
    assert await floor.admit() == 1
    async with floor.transactions.begin() as tx:
        await tx.jobs.delete(job)
    assert await floor.admit() == 2
    assert all([await floor.entered(each) for each in waiting])


async def test_cancel_of_an_admitted_target_gives_the_place_back(floor: Floor) -> None:
    """始めてよいと決まってから、始まる前に中止された対象は、場所を返す。"""
    servers_ = await floor.servers(1)
    await floor.limit(everything=1)
    first, second = [await floor.queue(servers_, Order(age_s=2 - number)) for number in range(2)]
    assert await floor.admit() == 1
    async with floor.transactions.begin() as tx:
        assert await tx.executions.request_cancel(first, SYSTEM, datetime.now(UTC)) == []
        assert (await tx.executions.get(first)).state is ExecutionState.CANCELLED
    assert await floor.admit() == 1
    assert await floor.inside(second) == [0]


async def test_only_one_decides_at_a_time(floor: Floor) -> None:
    """ほかの者が決めているあいだは、決めない。見えない決定の上に重ねて、上限を超えないように。"""
    (one,) = await floor.servers(1)
    await floor.limit(everything=1)
    await floor.queue([one])
    async with floor.transactions.begin() as tx:
        assert len(await admit(tx, datetime.now(UTC))) == 1
        # まだ確定していない決定は、ほかの者からは見えない。そこへ、先に始まるべき実行が来る
        urgent = await floor.queue([one], Order(priority=9))
        assert await floor.admit() == 0
    assert await floor.admit() == 0
    assert await floor.inside(urgent) == []


async def test_many_admitters_never_exceed_a_limit(floor: Floor) -> None:
    """何人もが同時に決め、対象が次々に終わっても、どの上限も一度も超えず、最後には全部が終わる。"""
    narrow = await floor.servers(2, max_parallel=1)
    wide = await floor.servers(6)
    await floor.limit(everything=5, project=4)
    queued = [
        await floor.queue([*narrow, *wide], Order(strategy=Strategy(max_parallel=3), age_s=number))
        for number in range(6)
    ]
    dice = random.Random(3)

    async def work() -> None:
        while await _unfinished(floor):
            await floor.admit()
            await _check_limits(floor, [server.id for server in narrow])
            for execution in dice.sample(queued, 2):
                inside = await floor.inside(execution)
                if inside:
                    await floor.end(execution, dice.choice(inside))

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(work())
    async with floor.transactions.begin() as tx:
        states = {(await tx.executions.get(each)).state for each in queued}
    assert states == {ExecutionState.SUCCEEDED}


async def _unfinished(floor: Floor) -> bool:
    query = select(func.count()).select_from(targets).where(targets.c.finished_at.is_(None))
    async with floor.transactions.begin() as tx:
        return bool((await tx.connection.execute(query)).scalar_one())


async def _check_limits(floor: Floor, narrow: list[ServerId]) -> None:
    query = select(targets.c.execution_id, targets.c.server_id).where(
        targets.c.admitted_at.is_not(None), targets.c.finished_at.is_(None)
    )
    async with floor.transactions.begin() as tx:
        inside = (await tx.connection.execute(query)).all()
    assert len(inside) <= 4
    assert all(count <= 3 for count in Counter(row.execution_id for row in inside).values())
    on_server = Counter(row.server_id for row in inside)
    assert all(on_server[server_id] <= 1 for server_id in narrow)


@dataclass
class Model:
    """同じ決まりを、一つずつ順に見て決める、いちばん素朴な書き方。"""

    everything: int
    project: int
    of_server: dict[int, int | None]
    of_execution: dict[int, int | None]
    inside: list[tuple[int, int, int]] = field(default_factory=list)

    def admit(self, waiting: Sequence[tuple[int, int, int]]) -> set[tuple[int, int]]:
        """``waiting`` は(実行、位置、サーバ)を順に並べたもの。"""
        started = set()
        for execution, position, server in waiting:
            at_execution = sum(each[0] == execution for each in self.inside)
            on_server = sum(each[2] == server for each in self.inside)
            limits_ = (
                (len(self.inside), min(self.everything, self.project)),
                (at_execution, self.of_execution[execution]),
                (on_server, self.of_server[server]),
            )
            if all(limit is None or taken < limit for taken, limit in limits_):
                self.inside.append((execution, position, server))
                started.add((execution, position))
        return started


@pytest.mark.parametrize("seed", range(8))
async def test_decides_like_the_plain_model(floor: Floor, seed: int) -> None:
    """でたらめな待ち行列でも、一つずつ順に見て決めたのと、ぴったり同じものが始まる。"""
    dice = random.Random(seed)
    pool = []
    for _ in range(5):
        limit = dice.choice([None, 1, 2])
        pool.append(((await floor.servers(1, max_parallel=limit))[0], limit))
    model = Model(dice.randint(1, 12), dice.randint(1, 12), {ref.id: limit for ref, limit in pool}, {})
    await floor.limit(everything=model.everything, project=model.project)
    waiting: list[tuple[float, ExecutionId, list[ServerRef]]] = []
    for _ in range(8):
        chosen = [ref for ref, _ in dice.sample(pool, dice.randint(1, 5))]
        order = Order(
            priority=dice.randint(-2, 2),
            age_s=dice.randrange(0, 300),
            strategy=Strategy(max_parallel=dice.choice([None, 1, 2])),
        )
        execution = await floor.queue(chosen, order)
        model.of_execution[execution] = order.strategy.max_parallel
        waiting.append((-order.age_s - order.priority * 60, execution, chosen))
    waiting.sort(key=lambda each: each[:2])
    in_order = [
        (execution, position, ref.id)
        for _, execution, chosen in waiting
        for position, ref in enumerate(chosen)
    ]
    expected = model.admit(in_order)
    assert await floor.admit() == len(expected)
    started = {
        (execution, position) for _, execution, _ in waiting for position in await floor.inside(execution)
    }
    assert started == expected


async def test_five_thousand_waiting_are_decided_quickly(floor: Floor) -> None:
    """空の行列を何度も見たあとで五千の対象が並んでも、一つ空くたびの決定は一瞬で済む。"""
    async with floor.transactions.begin() as tx:
        # 空のときの見積もりで計画が決まり、使い回されるまで
        for _ in range(20):
            await tx.admission.admit(datetime.now(UTC))
    servers_ = await floor.servers(500, max_parallel=2)
    for _ in range(10):
        await floor.queue(servers_)
    assert await floor.admit() == 100
    times = []
    async with floor.transactions.begin() as tx:
        for _ in range(5):
            began = time.perf_counter()
            decision = await tx.admission.admit(datetime.now(UTC))
            times.append(time.perf_counter() - began)
            assert (decision.admitted, decision.eligible) == ((), 4900)
    # 静かな機械では 20 ミリ秒ほど。込み合った試験でも揺れない幅をとる(総当たりなら 20 秒かかる)
    assert min(times) < 0.2
