"""引き継ぎ: ワーカーが死ぬ、去る、凍る、データベースが落ちる。走りは一度だけで、ログは一バイトも違わない。"""

import asyncio
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.fleet import Fleet, WorkerProcess
from harness.journey import Journey
from harness.sshd import ME, Sshd, start_sshd
from harness.stream import open_stream
from harness.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
TAKEN_OVER_S = 15.0
HANDED_OVER_S = 2.0


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd()
    yield server
    await server.stop()


class Scene:
    """二人のワーカーと、動き続けている一つのスクリプト。"""

    def __init__(self, fleet: Fleet, client: httpx.AsyncClient, directory: Path) -> None:
        self.fleet = fleet
        self.client = client
        self.journey = Journey(client)
        self._directory = directory
        self.execution: Any = None

    @property
    def target_id(self) -> int:
        return int(self.execution["targets"][0]["id"])

    async def begin(self, sshd: Sshd) -> None:
        """止まれと言われるまで、番号を書き続ける。"""
        self._directory.chmod(0o777)
        script = (
            f"echo started >>{self._directory}/count\n"
            f"{{ n=0; until [ -e {self._directory}/enough ]; do n=$((n + 1)); echo line $n; sleep 0.05; done;"
            f" }} | tee {self._directory}/copy\nexit 7\n"
        )
        server = await self.journey.add_server(sshd, ME)
        self.execution = await self.journey.start(await self.journey.add_job(script, [server]))
        await self.log_grows(0)

    async def log_grows(self, beyond: int) -> float:
        async def fact() -> bool:
            target = await self.journey.call("GET", f"/targets/{self.target_id}")
            return bool(target["log_bytes"] > beyond)

        return await eventually(fact, f"ログが {beyond} バイトを超えて伸びる", 60)

    async def log_bytes(self) -> int:
        return int((await self.journey.call("GET", f"/targets/{self.target_id}"))["log_bytes"])

    async def owner(self) -> WorkerProcess:
        """いま面倒を見ているワーカー。"""
        for worker in self.fleet.workers:
            row = await self.fleet.row(self.client, worker)
            if row is not None and row["running"] == 1:
                return worker
        raise AssertionError("だれも面倒を見ていない")

    async def wait_for_owner(self, gone: WorkerProcess) -> float:
        """別のワーカーが引き受けるまでの秒。"""

        async def fact() -> bool:
            rows = [
                await self.fleet.row(self.client, worker)
                for worker in self.fleet.workers
                if worker is not gone
            ]
            return any(row is not None and row["running"] == 1 for row in rows)

        return await eventually(fact, "別のワーカーが引き受ける", 60)

    def enough(self) -> None:
        (self._directory / "enough").touch()

    async def check(self) -> None:
        """終わりまで待ち、一度だけ走り、ログがサーバの写しと同じで、終了コードが正しいことを見る。"""
        self.enough()
        ended = await self.journey.ended(self.execution["id"])
        assert (ended["targets"][0]["state"], ended["targets"][0]["exit_code"]) == ("failed", 7)
        assert (self._directory / "count").read_text() == "started\n"
        assert await self.journey.log(self.target_id) == (self._directory / "copy").read_bytes()


@pytest.fixture
async def scene(fleet: Fleet, sshd: Sshd, tmp_path: Path) -> AsyncIterator[Scene]:
    async with fleet.web.client() as client:
        await fleet.muster(client, 2)
        made = Scene(fleet, client, tmp_path)
        await made.begin(sshd)
        yield made


async def test_killed_worker_is_taken_over(scene: Scene) -> None:
    """SIGKILL されたワーカーの対象を、ほかの者が引き継ぐ。"""
    victim = await scene.owner()
    await victim.kill()
    assert await scene.wait_for_owner(victim) < TAKEN_OVER_S
    await scene.log_grows(await scene.log_bytes())
    await scene.check()


async def test_leaving_worker_hands_over_without_a_gap(scene: Scene) -> None:
    """静かに止めると二秒のうちに引き継がれ、生きたログは欠けも重なりもせずに続く。"""
    async with open_stream(scene.client) as stream:
        number = await stream.subscribe_log(scene.target_id)
        watching = asyncio.create_task(stream.log_until_end(number))
        await eventually(lambda: stream.logs[number], "生きたログが届く")
        leaving = await scene.owner()
        leaving.signal(signal.SIGTERM)
        assert await scene.wait_for_owner(leaving) < HANDED_OVER_S
        await scene.log_grows(await scene.log_bytes())
        await scene.check()
        assert await watching == await scene.journey.log(scene.target_id)


async def test_frozen_worker_wakes_and_writes_nothing(scene: Scene) -> None:
    """凍って権利を失ったワーカーが目を覚ましても、ログも状態も書けない。"""
    frozen = await scene.owner()
    frozen.signal(signal.SIGSTOP)
    await scene.wait_for_owner(frozen)
    await scene.log_grows(await scene.log_bytes())
    frozen.signal(signal.SIGCONT)
    await eventually(partial(frozen.said, "lease_lost"), "目を覚ました者が、権利のないことに気づく", 60)
    await scene.log_grows(await scene.log_bytes())
    assert await scene.owner() is not frozen
    await scene.check()
    assert frozen.alive, "書こうとして断られるのではなく、書いてぶつかった"


async def test_scripts_go_on_while_the_database_is_away(scene: Scene, tmp_path: Path) -> None:
    """データベースが二十秒あまり落ちても、スクリプトは動き続け、戻れば追いつき、取り合いも起きない。"""
    owner = await scene.owner()
    await asyncio.to_thread(scene.fleet.postgres.stop_blocking)
    before = (tmp_path / "copy").stat().st_size
    # 権利の切れる二十秒を超えて書かせる(一行 50 ミリ秒あまり、8 バイトあまり)
    await eventually(lambda: (tmp_path / "copy").stat().st_size > before + 3600, "書き続ける", 60)
    await asyncio.to_thread(scene.fleet.postgres.start_blocking)
    await scene.fleet.web.wait_ready()
    await scene.log_grows(before + 3600)
    assert await scene.owner() is owner
    assert not owner.said("lease_lost")
    await scene.check()


async def test_worker_can_leave_while_the_database_is_away(scene: Scene) -> None:
    """データベースが落ちていても、ワーカーはすぐ止まれる。戻れば、ほかの者が引き継ぐ。"""
    leaving = await scene.owner()
    await asyncio.to_thread(scene.fleet.postgres.stop_blocking)
    assert await leaving.stop() < 15
    await asyncio.to_thread(scene.fleet.postgres.start_blocking)
    await scene.fleet.web.wait_ready()
    await scene.wait_for_owner(leaving)
    await scene.check()


async def test_draining_worker_lets_others_take_the_new_ones(scene: Scene) -> None:
    """引き受けを止めたワーカーは、動いているものを最後まで動かし、新しいものはほかの者が引き受ける。"""
    draining = await scene.owner()
    row = await scene.fleet.row(scene.client, draining)
    assert row is not None
    await scene.journey.call("POST", f"/workers/{row['id']}/drain")
    await eventually(partial(draining.said, "draining"), "二秒のうちに列を離れる", 2)
    server = scene.execution["targets"][0]["server_id"]
    for _ in range(3):
        await scene.journey.run(await scene.journey.add_job("echo new", [server]))
    assert await scene.owner() is draining
    await scene.check()
    row = await scene.fleet.row(scene.client, draining)
    assert row is not None
    assert row["state"] == "drained"
    await scene.journey.call("POST", f"/workers/{row['id']}/resume")


async def test_drained_alone_waits_and_resumes(scene: Scene) -> None:
    """全員が引き受けを止めると新しい実行は待ち、再開した者がすぐに引き受ける。"""
    rows = [await scene.fleet.row(scene.client, worker) for worker in scene.fleet.workers]
    ids = [row["id"] for row in rows if row is not None]
    for worker_id in ids:
        await scene.journey.call("POST", f"/workers/{worker_id}/drain")
    server = scene.execution["targets"][0]["server_id"]
    for worker in scene.fleet.workers:
        await eventually(partial(worker.said, "draining"), "列を離れる", 2)
    waiting = await scene.journey.start(await scene.journey.add_job("echo waited", [server]))
    await scene.check()
    assert (await scene.journey.call("GET", f"/executions/{waiting['id']}"))["state"] == "queued"
    for worker_id in ids:
        await scene.journey.call("POST", f"/workers/{worker_id}/resume")
    assert (await scene.journey.ended(waiting["id"]))["state"] == "succeeded"
