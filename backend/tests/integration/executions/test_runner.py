"""運転: 配達された対象を、本物の sshd で最後まで動かす。"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.processes import sleeping
from harness.sshd import Sshd
from harness.waiting import eventually
from harness.worker import Bench, worker
from tsubame.business.executions.states import TargetState
from tsubame.business.shared.ids import TargetId
from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.data_access.transactions import SqlTransactions


@pytest.fixture
async def bench(
    database_url: str, engine: AsyncEngine, transactions: SqlTransactions, sshd: Sshd
) -> AsyncIterator[Bench]:
    async with worker(database_url, engine, transactions, sshd) as running:
        yield running


async def test_script_runs_and_its_bytes_are_stored(bench: Bench) -> None:
    """配達された対象は走り、出力のバイトがそのまま残り、終了コードで終わる。"""
    target_id = await bench.place("printf 'a\\377b\\n'; exit 7")
    await bench.runner.deliver(target_id)
    target = await bench.target(target_id)
    assert (target.state, target.exit_code) == (TargetState.FAILED, 7)
    assert await bench.log(target_id) == b"a\xffb\n"


async def test_second_delivery_does_nothing(bench: Bench) -> None:
    """同じ対象が二度配達されても、スクリプトは一度しか走らない。"""
    target_id = await bench.place("echo once")
    await asyncio.gather(bench.runner.deliver(target_id), bench.runner.deliver(target_id))
    await bench.runner.deliver(target_id)
    assert await bench.log(target_id) == b"once\n"


async def test_cut_connection_is_followed_again(bench: Bench, sshd: Sshd) -> None:
    """途中で sshd のつながりを全部殺しても、続きから受け取り、結末まで追う。"""
    target_id = await bench.place("for n in 1 2 3 4 5 6; do echo $n; sleep 0.5; done")
    driving = asyncio.create_task(bench.runner.deliver(target_id))
    await eventually(lambda: _has(bench, target_id, b"1\n2\n"), "二行届く")
    assert sshd.kill_sessions() > 0
    await driving
    assert await bench.log(target_id) == b"1\n2\n3\n4\n5\n6\n"
    assert (await bench.target(target_id)).state is TargetState.SUCCEEDED


async def test_next_worker_continues_where_the_log_ends(
    bench: Bench, database_url: str, engine: AsyncEngine, transactions: SqlTransactions, sshd: Sshd
) -> None:
    """静かに手放した対象を別のワーカーが引き受けると、ログは途切れも重なりもせず続く。"""
    target_id = await bench.place("echo a; sleep 2; echo b")
    driving = asyncio.create_task(bench.runner.deliver(target_id))
    await eventually(lambda: _has(bench, target_id, b"a\n"), "一行目が届く")
    await bench.runner.stop()
    await asyncio.gather(driving, return_exceptions=True)
    async with worker(database_url, engine, transactions, sshd) as second:
        await second.runner.deliver(target_id)
        assert await second.log(target_id) == b"a\nb\n"


async def test_cancel_signal_stops_the_run(bench: Bench) -> None:
    """中止の合図が来ると止まり、「中止」として終わる。"""
    target_id = await bench.place("echo begun; sleep 600")
    driving = asyncio.create_task(bench.runner.deliver(target_id))
    await eventually(lambda: _has(bench, target_id, b"begun\n"), "走り始める")
    bench.runner.on_signal(Signal(SignalKind.CANCEL, (target_id,)))
    await driving
    target = await bench.target(target_id)
    assert (target.state, target.reason, target.survivors) == (TargetState.CANCELLED, "cancelled_by_user", ())


async def test_timeout_is_told_apart_from_cancel(bench: Bench) -> None:
    """時間の上限を過ぎた走りは、「時間切れ」として終わる。"""
    target_id = await bench.place("echo begun; sleep 600", timeout_s=1)
    await bench.runner.deliver(target_id)
    assert (await bench.target(target_id)).state is TargetState.TIMED_OUT


async def test_timeout_without_a_worker(
    bench: Bench, database_url: str, engine: AsyncEngine, transactions: SqlTransactions, sshd: Sshd
) -> None:
    """ワーカーがいないあいだに上限を過ぎても、サーバの側で止まり、あとから来た者が「時間切れ」と記す。"""
    number = random.randrange(10**7, 10**8)
    target_id = await bench.place(f"echo begun; sleep {number}", timeout_s=2)
    driving = asyncio.create_task(bench.runner.deliver(target_id))
    await eventually(lambda: _has(bench, target_id, b"begun\n"), "走り始める")
    await bench.runner.stop()
    await asyncio.gather(driving, return_exceptions=True)
    await eventually(lambda: not sleeping(number), "サーバの側で止まる")
    async with worker(database_url, engine, transactions, sshd) as second:
        await second.runner.deliver(target_id)
        target = await second.target(target_id)
    assert (target.state, target.reason) == (TargetState.TIMED_OUT, "timed_out")


async def test_contact_is_kept_while_a_worker_follows(bench: Bench) -> None:
    """ワーカーが付いているあいだは、連絡の決まりより長く走っても止まらない。"""
    target_id = await bench.place("sleep 6; echo done", stop_without_contact_s=2)
    await bench.runner.deliver(target_id)
    assert await bench.log(target_id) == b"done\n"
    assert (await bench.target(target_id)).state is TargetState.SUCCEEDED


async def test_run_stops_itself_when_nobody_is_left(
    bench: Bench, database_url: str, engine: AsyncEngine, transactions: SqlTransactions, sshd: Sshd
) -> None:
    """連絡が途絶えた走りは自分から止まり、あとから来た者が、そのわけを記す。"""
    number = random.randrange(10**7, 10**8)
    target_id = await bench.place(f"echo begun; sleep {number}", stop_without_contact_s=2)
    driving = asyncio.create_task(bench.runner.deliver(target_id))
    await eventually(lambda: _has(bench, target_id, b"begun\n"), "走り始める")
    await bench.runner.stop()
    await asyncio.gather(driving, return_exceptions=True)
    await eventually(lambda: not sleeping(number), "自分から止まる")
    async with worker(database_url, engine, transactions, sshd) as second:
        await second.runner.deliver(target_id)
        target = await second.target(target_id)
    assert (target.state, target.reason) == (TargetState.FAILED, "contact_lost")


@pytest.mark.parametrize(
    ("limits", "state"), [({}, TargetState.CANCELLED), ({"timeout_s": 1}, TargetState.TIMED_OUT)]
)
async def test_stop_does_not_wait_for_a_hanging_connect(
    bench: Bench, sshd: Sshd, limits: dict[str, int], state: TargetState
) -> None:
    """何も送らないうちにつなぐところで黙りこまれても、止める求めは二秒で終わる。"""
    await sshd.stop()
    async with _mute(sshd.port) as accepted:
        target_id = await bench.place("echo never", **limits)
        driving = asyncio.create_task(bench.runner.deliver(target_id))
        await eventually(accepted.is_set, "つなぎにかかる")
        if not limits:
            bench.runner.on_signal(Signal(SignalKind.CANCEL, (target_id,)))
        async with asyncio.timeout(2):
            await driving
    target = await bench.target(target_id)
    assert (target.state, await bench.log(target_id)) == (state, b"")


@contextlib.asynccontextmanager
async def _mute(port: int) -> AsyncIterator[asyncio.Event]:
    """つながるが、一文字も答えない相手。"""
    accepted, over = asyncio.Event(), asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await over.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", port):
        yield accepted
        over.set()


async def test_unreachable_server_fails_at_once_with_its_reason(bench: Bench, sshd: Sshd) -> None:
    """まだ何も送っていないのにつながらなければ、待たせずに理由を見せる。"""
    await sshd.stop()
    target_id = await bench.place("echo never")
    await bench.runner.deliver(target_id)
    target = await bench.target(target_id)
    assert (target.state, target.reason) == (TargetState.FAILED, "connect_refused")


async def _has(bench: Bench, target_id: TargetId, expected: bytes) -> bool:
    return (await bench.log(target_id)).startswith(expected)
