"""決まりのとおりに移し続ける係。"""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from harness.logs import LogRoom
from harness.retention import RetentionRoom
from tsubame.business.shared.ids import TargetId
from tsubame.business.storage.entities import PolicyPlace
from tsubame.data_access.logstore.turn import STORAGE_TURN, AdvisoryTurn

EVERYWHERE = PolicyPlace.everywhere()
_TESTS = Path(__file__).parents[2]
_WORKER = _TESTS / "harness" / "keeper_process.py"


async def archived(room: RetentionRoom) -> set[int]:
    async with room.engine.connect() as connection:
        return {row.target_id for row in await connection.execute(text("SELECT target_id FROM log_archives"))}


async def test_logs_move_when_their_day_comes(room: RetentionRoom) -> None:
    """決めた日数を過ぎたログだけが移り、0 日なら終わってすぐ移る。"""
    old, young = await room.old(10), await room.old(2)
    await room.keeper.run_once()
    assert await archived(room) == {old.target_id}
    await room.rule(EVERYWHERE, archive_after_days=0)
    await room.keeper.run_once()
    assert await archived(room) == {old.target_id, young.target_id}
    assert await room.logs.read(young.target_id) == b"line\n"


async def test_never_means_never(room: RetentionRoom) -> None:
    """「移さない」と決めたジョブのログは、表に残る。"""
    job = await room.job("stays")
    stays, goes = await room.old(400, job), await room.old(400)
    await room.rule(PolicyPlace.job(job))
    await room.keeper.run_once()
    assert await archived(room) == {goes.target_id}
    assert await room.logs.read(stays.target_id) == b"line\n"


async def test_only_one_works_at_a_time(room: RetentionRoom) -> None:
    """だれかが番を取っているあいだ、ほかの者は何もせずに戻る。手放せば、次の者が取れる。"""
    await room.old(10)
    async with AdvisoryTurn(room.engine, STORAGE_TURN).take() as mine:
        assert mine
        assert not await room.keeper.run_once()
    assert await archived(room) == set()
    assert await room.keeper.run_once()
    assert len(await archived(room)) == 1


async def test_broken_log_does_not_stop_the_others(room: RetentionRoom) -> None:
    """中身の欠けたログは飛ばして、わけを残し、ほかは移す。"""
    broken, whole = await room.old(20), await room.old(10)
    async with room.engine.begin() as connection:
        await connection.execute(
            text("UPDATE targets SET log_bytes = 6 WHERE id = :id"), {"id": broken.target_id}
        )
    keeper = room.keeper
    for _ in range(2):
        await keeper.run_once()
        assert await archived(room) == {whole.target_id}
        assert await room.scalar("SELECT last_error FROM archive_health") == "archive_mismatch"


async def test_unreachable_destination_is_reported_and_heals(room: RetentionRoom, tmp_path: Path) -> None:
    """保管先に書けないあいだは理由が残り、表のログは読め、直れば次の回で移る。"""
    old = await room.old(20)
    (tmp_path / "archive").write_text("a file in the way")
    await room.keeper.run_once()
    assert await room.scalar("SELECT last_error FROM archive_health") in {
        "archive_unavailable",
        "archive_refused",
    }
    assert await room.logs.read(old.target_id) == b"line\n"
    (tmp_path / "archive").unlink()
    await room.keeper.run_once()
    assert await room.scalar("SELECT last_error IS NULL FROM archive_health")
    assert await archived(room) == {old.target_id}


async def test_unreachable_destination_does_not_stop_deletion(room: RetentionRoom, tmp_path: Path) -> None:
    """保管先に届かなくても、期限の過ぎた実行は消え、保管先の物は、戻ってから消える。"""
    old = await room.old(40)
    await room.keeper.run_once()
    await room.rule(EVERYWHERE, keep_days=30)
    (tmp_path / "archive").rename(tmp_path / "away")
    (tmp_path / "archive").write_text("a file in the way")
    await room.keeper.run_once()
    assert old.execution_id not in await room.left()
    (tmp_path / "archive").unlink()
    (tmp_path / "away").rename(tmp_path / "archive")
    assert len(await room.logs.place.keys()) == 2
    await room.keeper.run_once()
    assert await room.logs.place.keys() == []


async def test_sizes_are_sampled(room: RetentionRoom) -> None:
    """回ごとに、その日の大きさを測り直す。"""
    await room.old(20)
    await room.keeper.run_once()
    await room.keeper.run_once()
    assert await room.scalar("SELECT count(*) FROM storage_samples") == 1
    assert await room.scalar("SELECT archive_bytes > 0 AND table_bytes > 0 FROM storage_samples")


@pytest.mark.faults
@pytest.mark.parametrize(("place", "kills"), [("directory", 12), ("s3", 6), ("gcs", 6), ("azure", 6)])
async def test_killing_it_again_and_again_loses_nothing(
    room: RetentionRoom, place: str, kills: int, request: pytest.FixtureRequest
) -> None:
    """動いている係を何度 SIGKILL しても、どのログも一度だけ移り、同じバイトが読め、余りの物は残らない。"""
    if place != "directory":
        room.logs.archive_location = request.getfixturevalue(f"{place}_location")
    chance = random.Random(20_261_124)
    logs: dict[TargetId, bytes] = {}
    for _ in range(12):
        log = chance.randbytes(chance.randrange(1, 600_000)) + b"\n"
        logs[(await room.old(10, log=log)).target_id] = log
    keeper = Keeper(room.logs)
    for _ in range(kills):
        keeper.run_and_kill_after(steps=chance.randrange(1, 14))
        for target_id in chance.sample(list(logs), 3):
            assert await room.logs.read(target_id) == logs[target_id]
    assert keeper.run_to_the_end() == 0
    assert await archived(room) == set(logs)
    for target_id, log in logs.items():
        assert await room.logs.read(target_id) == log
    assert len(await room.logs.place.keys()) == 2 * len(logs)
    assert await room.scalar("SELECT count(*) FROM stray_objects") == 0
    assert await room.scalar("SELECT count(*) FROM log_chunks") == 0


class Keeper:
    """別のプロセスとして動く係。一歩ごとに一行を書く。"""

    def __init__(self, logs: LogRoom) -> None:
        self._arguments = [sys.executable, str(_WORKER), logs.url, logs.archive_location or ""]

    def run_and_kill_after(self, steps: int) -> None:
        """``steps`` 歩進んだところで殺す。その前に終われば、それでよい。"""
        with self._started() as process:
            assert process.stdout is not None
            for _ in range(steps):
                if not process.stdout.readline():
                    break
            os.kill(process.pid, signal.SIGKILL)

    def run_to_the_end(self) -> int:
        with self._started() as process:
            process.communicate(timeout=60)
            return process.returncode

    def _started(self) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
        return subprocess.Popen(self._arguments, stdout=subprocess.PIPE, env=environment)
