"""真ん中を省き続けているワーカーを、何度も殺す。"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from harness.fleet import Fleet, WorkerProcess
from harness.journey import Journey
from harness.sshd import ME, Sshd, start_sshd
from harness.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
_MIB: Final = 1024 * 1024
_KILLS: Final = 3


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd()
    yield server
    await server.stop()


async def test_killed_while_leaving_out_the_middle(fleet: Fleet, sshd: Sshd, tmp_path: Path) -> None:
    """省くそばから殺しても、頭と末尾は書かれたバイトのまま、位置と行番号は写しを数えたのと同じ。"""
    tmp_path.chmod(0o777)
    script = (
        f'i=0; until [ -e {tmp_path}/enough ]; do i=$((i + 1)); seq -f "row $i %.0f" 4000; sleep 0.02; done'
        f" | tee {tmp_path}/copy"
    )
    async with fleet.web.client() as client:
        await fleet.muster(client, 2)
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        job = await journey.add_job(script, [server], max_log_bytes=_MIB)
        execution = await journey.start(job)
        target_id = execution["targets"][0]["id"]
        for _ in range(_KILLS):
            await _moved(journey, target_id)
            await (await _owner(fleet, journey, target_id)).kill()
            await _moved(journey, target_id)
            await fleet.muster(client, 2)
        (tmp_path / "enough").touch()
        target = (await journey.ended(execution["id"]))["targets"][0]
        kept = await journey.log(target_id)
        copy = (tmp_path / "copy").read_bytes()
        gap = target["log_gap"]
        assert (target["state"], target["log_bytes"]) == ("succeeded", len(copy))
        head, tail = _around_the_mark(kept)
        assert copy.startswith(head)
        assert copy.endswith(tail)
        assert len(head) + gap["bytes"] + len(tail) == len(copy)
        assert len(head) + len(tail) <= 2 * _MIB
        assert gap["first_line"] == head.count(b"\n") + 1
        assert gap["last_line"] == copy.count(b"\n") - tail.count(b"\n")


def _around_the_mark(kept: bytes) -> tuple[bytes, bytes]:
    """落としたログの、「省いた」と言う一行の前と後。"""
    [(start, end)] = [match.span() for match in re.finditer(rb"^\[tsubame-ci\] .*\n", kept, re.MULTILINE)]
    return kept[:start], kept[end:]


async def _moved(journey: Journey, target_id: int) -> None:
    """今から先に、省いた所が動くのを待つ。"""

    async def gap_end() -> int:
        gap: dict[str, Any] | None = (await journey.call("GET", f"/targets/{target_id}"))["log_gap"]
        return 0 if gap is None else int(gap["last_line"])

    before = await gap_end()

    async def fact() -> bool:
        return await gap_end() > before

    await eventually(fact, "省いた所が動く", 60)


async def _owner(fleet: Fleet, journey: Journey, target_id: int) -> WorkerProcess:
    found: list[WorkerProcess] = []

    async def fact() -> bool:
        for worker in fleet.workers:
            row = await fleet.row(journey.client, worker)
            if worker.alive and row is not None and row["running"] == 1:
                found.append(worker)
        return bool(found)

    await eventually(fact, f"対象 {target_id} の面倒を見る者が分かる", 30)
    return found[0]
