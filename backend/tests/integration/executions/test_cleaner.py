"""片付け: 終わりを確定させた走りだけを、決まりの時が来てから消す。"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from harness.executions import place_execution
from harness.remote_runs import follow, greeted, order
from harness.sshd import Sshd
from tsubame.business.executions.cleaner import Cleaner
from tsubame.business.executions.remote_run import Survey
from tsubame.business.executions.states import TargetState
from tsubame.business.servers.entities import Endpoint
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.tables.executions import targets
from tsubame.data_access.transactions import SqlTransactions


class OneServer:
    """どの番号のサーバも、同じ相手。尋ねられた回数を数える。"""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.asked = 0

    async def endpoint_of(self, server_id: ServerId) -> Endpoint:
        self.asked += 1
        return self._endpoint


async def _place(
    transactions: SqlTransactions, ssh: SshGateway, endpoint: Endpoint, state: TargetState, days_ago: float
) -> str:
    """終わった走りをサーバに残し、その対象を、``days_ago`` 日前にその状態で終わったことにする。"""
    wanted = order("echo hi\n")
    await follow(await ssh.runs.start(endpoint, wanted))
    await _record(transactions, wanted.run_id, state, days_ago)
    return wanted.run_id


async def _record(transactions: SqlTransactions, run_id: str, state: TargetState, days_ago: float) -> None:
    placed = await place_execution(transactions)
    ended = datetime.now(UTC) - timedelta(days=days_ago)
    async with transactions.begin() as tx:
        await tx.connection.execute(
            update(targets)
            .where(targets.c.id == placed.targets[0])
            .values(run_id=run_id, state=state, started_at=ended, finished_at=ended)
        )


def _names(survey: Survey) -> set[str]:
    return {run.run_id for run in survey.runs}


@pytest.fixture
async def ssh() -> AsyncIterator[SshGateway]:
    gateway = SshGateway()
    yield gateway
    await gateway.close()


async def test_lost_run_is_kept_for_the_retention(
    transactions: SqlTransactions, ssh: SshGateway, sshd: Sshd
) -> None:
    """ふつうに終わった走りはすぐ、見失った走りは決まりの日数のあとで消える。"""
    endpoint = sshd.endpoint()
    ended = await _place(transactions, ssh, endpoint, TargetState.FAILED, 0)
    fresh = await _place(transactions, ssh, endpoint, TargetState.LOST, 2.9)
    old = await _place(transactions, ssh, endpoint, TargetState.LOST, 3.1)
    cleaner = Cleaner(transactions, ssh.runs, OneServer(endpoint), SystemClock(), timedelta(days=3))
    await cleaner.patrol()
    left = _names(await ssh.runs.survey(endpoint))
    assert fresh in left
    assert not {ended, old} & left
    await ssh.runs.remove(endpoint, fresh)


async def test_running_run_is_never_removed(
    transactions: SqlTransactions, ssh: SshGateway, sshd: Sshd
) -> None:
    """見失ったと記した走りがまだ動いていれば消さず、終わってから消す。"""
    endpoint = sshd.endpoint()
    wanted = order("sleep 600\n")
    attachment = await ssh.runs.start(endpoint, wanted)
    await greeted(attachment)
    await _record(transactions, wanted.run_id, TargetState.LOST, 8)
    cleaner = Cleaner(transactions, ssh.runs, OneServer(endpoint), SystemClock())
    await cleaner.patrol()
    assert wanted.run_id in _names(await ssh.runs.survey(endpoint))
    await ssh.runs.cancel(endpoint, wanted.run_id, 0)
    await cleaner.patrol()
    assert wanted.run_id not in _names(await ssh.runs.survey(endpoint))


async def test_unreachable_server_is_asked_once(
    transactions: SqlTransactions, ssh: SshGateway, sshd: Sshd
) -> None:
    """届かないサーバの分は、一度の見回りで一つだけ試し、残りは次に回す。"""
    placed = await place_execution(transactions)
    ended = datetime.now(UTC)
    async with transactions.begin() as tx:
        server_id = (await tx.targets.get(placed.targets[0])).server_id
    for _ in range(3):
        await _record(transactions, order("").run_id, TargetState.FAILED, 0)
    async with transactions.begin() as tx:
        await tx.connection.execute(update(targets).values(server_id=server_id, started_at=ended))
    endpoint = sshd.endpoint()
    await sshd.stop()
    servers = OneServer(endpoint)
    await Cleaner(transactions, ssh.runs, servers, SystemClock()).patrol()
    assert servers.asked == 1
