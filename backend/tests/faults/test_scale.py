"""量: 一つのワーカーが、席の数だけ同時に動かし、残りを待たせ、全部を終わらせる。

ふだんは小さく、``make soak`` では五百と五千で確かめる。
"""

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from harness.fleet import Fleet
from harness.journey import Journey
from harness.sshd import ME, Sshd, SshdOptions, start_sshd
from harness.waiting import eventually

CONCURRENT: Final = int(os.environ.get("FAULT_CONCURRENT", "40"))
QUEUED: Final = int(os.environ.get("FAULT_QUEUED", "80"))
SERVERS: Final = 20
MOST_PER_TARGET: Final = 1024 * 1024
pytestmark = [pytest.mark.faults, pytest.mark.timeout(120 + QUEUED)]


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd(SshdOptions(max_startups="100:30:200"))
    yield server
    await server.stop()


def script(directory: Path) -> str:
    """始まった跡を残し、門が開くまで、CPU を使わずに待つ。"""
    return (
        f"touch {directory}/$TSUBAME_RUN_ID.began\n"
        f"[ -e {directory}/open ] || read -r _ <{directory}/gate\n"
        "echo done\n"
    )


def open_gate(directory: Path) -> None:
    """待っている者を通す。見てから待ち始めるまでの隙にいた者のために、何度呼んでもよい。"""
    (directory / "open").touch()
    # 待つ者がいなければ ENXIO
    with contextlib.suppress(OSError):
        os.close(os.open(directory / "gate", os.O_WRONLY | os.O_NONBLOCK))


def began(directory: Path) -> int:
    return len(list(directory.glob("*.began")))


async def rss_bytes(fleet: Fleet, client: httpx.AsyncClient) -> int:
    """次の心拍が言う、ワーカーの記憶の量。"""
    beats: dict[object, int] = {}

    async def two_beats() -> bool:
        row = await fleet.row(client, fleet.workers[0])
        assert row is not None
        assert isinstance(row["vitals"], dict)
        beats[row["heartbeat_at"]] = row["vitals"]["rss_bytes"]
        return len(beats) > 1

    await eventually(two_beats, "次の心拍が届く")
    return list(beats.values())[-1]


async def test_every_seat_is_used_and_nothing_fails(fleet: Fleet, sshd: Sshd, tmp_path: Path) -> None:
    """席が埋まるまで同時に動き、待ちも全部終わり、対象一つの記憶は 1 MiB に収まる。"""
    tmp_path.chmod(0o777)
    subprocess.run(["mkfifo", "-m", "666", tmp_path / "gate"], check=True)
    async with fleet.web.client() as client:
        journey = Journey(client)
        await fleet.muster(client, 1, TSUBAME_WORKER_CONCURRENCY=str(CONCURRENT))
        credential = await journey.add_key()
        servers = [await journey.add_server(sshd, ME, credential_id=credential) for _ in range(SERVERS)]
        job = await journey.add_job(script(tmp_path), servers)
        before = await rss_bytes(fleet, client)
        started = [
            (await journey.start(job))["id"] for _ in range((CONCURRENT + QUEUED + SERVERS - 1) // SERVERS)
        ]
        await eventually(lambda: began(tmp_path) == CONCURRENT, "席が全部埋まる", 60 + CONCURRENT / 5)
        each = (await rss_bytes(fleet, client) - before) / CONCURRENT
        assert began(tmp_path) == CONCURRENT

        async def all_ended() -> bool:
            open_gate(tmp_path)
            states = [
                (await journey.call("GET", f"/executions/{number}"))["state"] for number in started[-3:]
            ]
            return set(states) == {"succeeded"}

        await eventually(all_ended, "待ちも全部終わる", 60 + QUEUED / 5)
        for number in started:
            assert (await journey.ended(number))["state"] == "succeeded"
    assert began(tmp_path) == len(started) * SERVERS
    print(f"{CONCURRENT} at once, {began(tmp_path)} in all, {each / 1024:.0f} KiB each")  # noqa: T201  make soak が見せる
    assert each <= MOST_PER_TARGET
