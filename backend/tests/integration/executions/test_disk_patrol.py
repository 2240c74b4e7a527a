"""実行のファイルの大きさの見回り。"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from harness.api import MovableClock
from harness.executions import place_execution
from harness.remote_runs import follow, order
from harness.sshd import Sshd
from tsubame.business.executions.disk_patrol import DiskPatrol
from tsubame.business.servers.entities import Endpoint, HostKey, ServerDisk
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.tables.servers import servers
from tsubame.data_access.transactions import SqlTransactions


class OneServer:
    """どの番号のサーバも、同じ相手。尋ねられた番号を覚える。"""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.asked: list[ServerId] = []

    async def endpoint_of(self, server_id: ServerId) -> Endpoint:
        self.asked.append(server_id)
        return self._endpoint


@pytest.fixture
async def ssh() -> AsyncIterator[SshGateway]:
    gateway = SshGateway()
    yield gateway
    await gateway.close()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


async def _approved(transactions: SqlTransactions, count: int = 1) -> list[ServerId]:
    """鍵の承認が済んだサーバ。"""
    await place_execution(transactions, server_count=count)
    async with transactions.begin() as tx:
        ids = [ServerId(row.id) for row in await tx.connection.execute(select(servers.c.id))]
        for server_id in ids:
            await tx.servers.pin_host_key(server_id, HostKey("ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:x"))
    return sorted(ids)


async def _disk(transactions: SqlTransactions, server_id: ServerId) -> ServerDisk | None:
    async with transactions.begin() as tx:
        return (await tx.servers.get(server_id)).disk


async def test_sizes_are_remembered_with_their_time(
    transactions: SqlTransactions, ssh: SshGateway, sshd: Sshd, clock: MovableClock
) -> None:
    """見に行くと、使っている大きさ、持ち主の分からない走りの数、空きが、時刻とともに残る。"""
    wanted = order("seq 1000\n")
    await follow(await ssh.runs.start(sshd.endpoint(), wanted))
    (server_id,) = await _approved(transactions)
    assert await _disk(transactions, server_id) is None
    started = clock.now()
    await DiskPatrol(transactions, ssh.runs, OneServer(sshd.endpoint()), clock).walk()
    disk = await _disk(transactions, server_id)
    assert disk is not None
    assert disk.used_bytes >= 3893
    assert disk.orphan_runs >= 1
    assert disk.free_bytes is not None
    assert disk.total_bytes is not None
    assert 0 < disk.free_bytes <= disk.total_bytes
    assert started <= disk.measured_at <= clock.now()
    await ssh.runs.remove(sshd.endpoint(), wanted.run_id)


async def test_one_of_many_looks_once_in_six_hours(
    transactions: SqlTransactions, ssh: SshGateway, sshd: Sshd, clock: MovableClock
) -> None:
    """何人のワーカーが同時に見回っても、一台に行くのは一人で、六時間たつまで二度は行かない。"""
    ids = await _approved(transactions, 3)
    await place_execution(transactions)
    endpoints = OneServer(sshd.endpoint())
    patrols = [DiskPatrol(transactions, ssh.runs, endpoints, clock) for _ in range(4)]
    await asyncio.gather(*(patrol.walk() for patrol in patrols))
    assert sorted(endpoints.asked) == ids
    clock.advance(hours=5, minutes=59)
    await patrols[0].walk()
    assert len(endpoints.asked) == 3
    clock.advance(minutes=2)
    await asyncio.gather(*(patrol.walk() for patrol in patrols))
    assert sorted(endpoints.asked) == sorted(ids * 2)


async def test_many_servers_are_spread_out(
    transactions: SqlTransactions, ssh: SshGateway, sshd: Sshd, clock: MovableClock
) -> None:
    """一度に行くのは十台まで。残りは次の回に行く。"""
    await _approved(transactions, 12)
    endpoints = OneServer(sshd.endpoint())
    patrol = DiskPatrol(transactions, ssh.runs, endpoints, clock)
    await patrol.walk()
    assert len(endpoints.asked) == 10
    await patrol.walk()
    assert len(set(endpoints.asked)) == 12


async def test_unreachable_server_keeps_the_last_numbers(
    transactions: SqlTransactions,
    ssh: SshGateway,
    sshd: Sshd,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """届かないサーバは、わけを一行残すだけ。前の数は消えず、ほかのサーバも見に行き、次の番まで試さない。"""
    (server_id,) = await _approved(transactions)
    before = ServerDisk(5, 0, 1, 100, clock.now() - timedelta(days=1))
    async with transactions.begin() as tx:
        await tx.server_disk.record(server_id, before)
    endpoints = OneServer(sshd.endpoint())
    await sshd.stop()
    patrol = DiskPatrol(transactions, ssh.runs, endpoints, clock)
    with caplog.at_level(logging.INFO):
        await patrol.walk()
        await patrol.walk()
    assert endpoints.asked == [server_id]
    assert caplog.text.count("disk_not_measured") == 1
    assert await _disk(transactions, server_id) == before


async def test_server_that_vanished_meanwhile(transactions: SqlTransactions, clock: MovableClock) -> None:
    """見ているあいだに消されたサーバの数は、残さない。"""
    async with transactions.begin() as tx:
        await tx.server_disk.record(ServerId(999), ServerDisk(1, 0, None, None, clock.now()))
        assert await tx.server_disk.claim(clock.now(), clock.now(), 10) == []


async def test_server_with_a_changed_key_is_left_alone(
    transactions: SqlTransactions, clock: MovableClock
) -> None:
    """鍵が変わって承認を待つサーバには行かない。"""
    (server_id,) = await _approved(transactions)
    async with transactions.begin() as tx:
        await tx.connection.execute(
            update(servers).where(servers.c.id == server_id).values(offered_key="ssh-ed25519 BBBB")
        )
        assert await tx.server_disk.claim(clock.now(), clock.now(), 10) == []
