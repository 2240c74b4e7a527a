"""線が抜ける: 包みが三十秒あまり一つも届かなくても、走りは続き、戻れば続きから追いつく。"""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from harness.far_host import FarHost, far_host
from harness.fleet import Fleet
from harness.journey import Journey
from harness.sshd import ME
from harness.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


@pytest.fixture
async def far() -> AsyncIterator[FarHost]:
    async with far_host() as host:
        print(f"network away: {host.kind}")  # noqa: T201  どちらで試したかが、記録から分かるように
        yield host


async def test_thirty_silent_seconds(fleet: Fleet, far: FarHost, tmp_path: Path) -> None:
    """走りの途中で線が抜けると「切断中」になり、戻ると続きが届く。走りは一度だけで、ログは一バイトも違わない。"""
    tmp_path.chmod(0o777)
    script = (
        f"echo started >>{tmp_path}/count\n"
        f"{{ n=0; until [ -e {tmp_path}/enough ]; do n=$((n + 1)); echo line $n; sleep 0.1; done; }}"
        f" | tee {tmp_path}/copy\nexit 7\n"
    )
    async with fleet.web.client() as client:
        await fleet.muster(client, 1)
        journey = Journey(client)
        server = await journey.add_server_at(far.port, ME, host=far.host)
        execution = await journey.start(await journey.add_job(script, [server]))
        target_id = execution["targets"][0]["id"]

        async def target() -> Any:
            return await journey.call("GET", f"/targets/{target_id}")

        async def reads(state: str, beyond: int) -> bool:
            now = await target()
            return bool(now["state"] == state and now["log_bytes"] > beyond)

        await eventually(lambda: reads("running", 0), "走り出す", 60)
        far.cut()
        try:
            copied = (tmp_path / "copy").stat().st_size
            await eventually(lambda: reads("disconnected", 0), "切断中になる", 60)
            # 一行は 0.1 秒あまりで 8 バイトあまり。三十秒ぶんを、だれにも見られずに書く
            await eventually(lambda: (tmp_path / "copy").stat().st_size > copied + 2700, "書き続ける", 60)
            unseen = (tmp_path / "copy").stat().st_size
            assert await reads("disconnected", 0)
            assert (await target())["log_bytes"] < unseen - 2000
        finally:
            far.mend()
        await eventually(lambda: reads("running", unseen), "戻って追いつく", 60)
        (tmp_path / "enough").touch()
        ended = (await journey.ended(execution["id"]))["targets"][0]
        log = await journey.log(target_id)
    assert (ended["state"], ended["exit_code"]) == ("failed", 7)
    assert hashlib.sha256(log).digest() == hashlib.sha256((tmp_path / "copy").read_bytes()).digest()
    assert (tmp_path / "count").read_text() == "started\n"
