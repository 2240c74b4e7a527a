"""災いの中の五十の対象: 一度だけ走り、一バイトも違わず、終了コードが正しく、何も残らない。

``FAULT_SEED`` で順を決め、``FAULT_SECONDS`` で長さを決める(`make soak`)。
"""

import hashlib
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from harness.chaos import Chaos, answers, processes_of
from harness.far_host import FarHost, far_host
from harness.fleet import Fleet
from harness.journey import LIVE, Journey
from harness.sshd import ME
from harness.waiting import eventually

SECONDS: Final = float(os.environ.get("FAULT_SECONDS", "0"))
SEED: Final = int(os.environ.get("FAULT_SEED", "7"))
LONG: Final = SECONDS > 0
SERVERS: Final = 10
EXIT_CODES: Final = (0, 1, 2, 3, 77)
pytestmark = [pytest.mark.faults, pytest.mark.timeout(600 + 3 * SECONDS)]


@pytest.fixture
async def far() -> AsyncIterator[FarHost]:
    async with far_host() as host:
        yield host


def script(directory: Path, exit_code: int) -> str:
    """始まりを数え、``enough`` が置かれるまで書き続け、書いたものを写しにも残す。"""
    block = "".join(f"{number:04d} the quick brown fox jumps over the lazy dog\n" for number in range(20))
    return (
        f"echo started >>{directory}/$TSUBAME_RUN_ID.count\n"
        f"block='{block}'\n"
        "{ echo run $TSUBAME_RUN_ID; n=0\n"
        f"until [ -e {directory}/enough ]; do\n"
        '  n=$((n + 1)); printf "%s %s\\n%s" $TSUBAME_RUN_ID $n "$block"; sleep 0.5\n'
        f"done; }} | tee {directory}/$TSUBAME_RUN_ID.copy\n"
        f"exit {exit_code}\n"
    )


async def start(journey: Journey, far: FarHost, directory: Path) -> list[tuple[int, int]]:
    """五十の対象を始め、(実行の番号, 期待する終了コード)を返す。"""
    credential = await journey.add_key()
    servers = [
        await journey.add_server_at(far.port, ME, host=far.host, credential_id=credential)
        for _ in range(SERVERS)
    ]
    started = []
    for exit_code in EXIT_CODES:
        job = await journey.add_job(script(directory, exit_code), servers)
        started.append(((await journey.start(job))["id"], exit_code))
    return started


def counts(directory: Path) -> dict[str, str]:
    """走りの名前 → 始まった跡。"""
    return {path.stem: path.read_text() for path in directory.glob("*.count")}


async def check(journey: Journey, ended: Any, exit_code: int, directory: Path) -> None:
    for target in ended["targets"]:
        assert target["exit_code"] == exit_code, target
        log = await journey.log(target["id"])
        run_id = log.split(b"\n", 1)[0].removeprefix(b"run ").decode()
        copy = (directory / f"{run_id}.copy").read_bytes()
        assert hashlib.sha256(log).digest() == hashlib.sha256(copy).digest(), (target["id"], run_id)


async def test_fifty_targets_survive_everything(fleet: Fleet, far: FarHost, tmp_path: Path) -> None:
    """五十の対象が走るあいだ、ワーカー・web・postmaster・sshd を殺し、線を抜き、凍らせる。"""
    tmp_path.chmod(0o777)
    chaos = Chaos(
        fleet,
        far,
        random.Random(SEED),
        longest_cut_s=90 if LONG else 8,
        database_away_s=60 if LONG else 3,
    )
    async with fleet.web.client() as client:
        await fleet.muster(client, 3)
        started = await start(Journey(client), far, tmp_path)
    total = SERVERS * len(EXIT_CODES)
    await eventually(lambda: len(list(tmp_path.glob("*.copy"))) == total, "全部が走り始める", 120)
    try:
        await chaos.run(SECONDS)
    finally:
        # 落ちたとき、同じ順で起こし直すため
        print(f"FAULT_SEED={SEED} ({far.kind})", *chaos.history)  # noqa: T201
    (tmp_path / "enough").touch()
    async with fleet.web.client() as client:
        await eventually(lambda: answers(client), "web が戻る", 60)
        journey = Journey(client)
        for execution_id, exit_code in started:
            await check(journey, await journey.ended(execution_id, seconds=180), exit_code, tmp_path)
        live = await journey.call("GET", "/executions?" + "&".join(f"state={state}" for state in LIVE))
        assert live["items"] == []
    assert all(worker.alive for worker in fleet.workers)
    seen = counts(tmp_path)
    assert (len(seen), set(seen.values())) == (total, {"started\n"})
    await eventually(lambda: not processes_of(set(seen)), "サーバに何も残らない", 60)
