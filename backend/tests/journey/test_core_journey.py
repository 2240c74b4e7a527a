"""利用者の旅: 何もないところから、生きたログまで。本物のプロセス、本物の sshd、本物の PostgreSQL。"""

import asyncio
import hashlib
import random
from functools import partial
from pathlib import Path

import httpx
import pytest

from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd
from harness.waiting import eventually, is_running

LINES = 2_000_000
KILLS = 10
SEGMENT_BYTES = LINES // KILLS * 24


async def test_from_nothing_to_a_log(product: Product, sshd: Sshd) -> None:
    """サーバとジョブを足して動かすと、出力の全部と終了コードが残る。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        job = await journey.add_job("printf 'one\\ntwo'; printf 'err\\n' >&2; exit 3", [server])
        execution = await journey.run(job)
        target = execution["targets"][0]
        assert (execution["state"], target["state"]) == ("failed", "failed")
        assert (target["exit_code"], target["reason"]) == (3, "exit_nonzero")
        assert await journey.log(target["id"]) == b"one\ntwoerr\n"
        assert (target["log_bytes"], target["log_lines"]) == (11, 2)


async def test_unapproved_host_key_stops_the_run(product: Product, sshd: Sshd) -> None:
    """ホスト鍵を承認していないサーバでは、何も動かさず、理由を言う。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME, approve=False)
        execution = await journey.run(await journey.add_job("echo hi", [server]))
        assert execution["targets"][0]["reason"] == "host_key_unknown"


async def test_many_servers_run_in_parallel(product: Product, sshd: Sshd) -> None:
    """十台で一秒ずつ眠るジョブは、十秒かからない。"""
    async with product.client() as client:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"web{number}") for number in range(10)]
        job = await journey.add_job("sleep 1; echo $TSUBAME_RUN_ID", servers)
        started = asyncio.get_running_loop().time()
        execution = await journey.run(job)
        assert execution["state"] == "succeeded"
        assert asyncio.get_running_loop().time() - started < 6


async def test_cancel_removes_the_processes(product: Product, sshd: Sshd, tmp_path: Path) -> None:
    """中止すると、孫プロセスまで消えてから「中止」として確定する。"""
    marker = tmp_path.joinpath("pid")
    tmp_path.chmod(0o777)
    script = f"sh -c 'echo $$ >{marker}; exec sleep 600' & wait"
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.start(await journey.add_job(script, [server]))
        await eventually(lambda: marker.exists() and marker.read_text().strip(), "孫が動き始める")
        await journey.call("POST", f"/executions/{execution['id']}/cancel")
        ended = await journey.ended(execution["id"])
        assert (ended["state"], ended["targets"][0]["reason"]) == ("cancelled", "cancelled_by_user")
        assert ended["targets"][0]["survivors"] == []
        assert not is_running(int(marker.read_text()))


async def test_timeout_stops_the_script(product: Product, sshd: Sshd) -> None:
    """時間の上限を過ぎたら止め、「時間切れ」と言う。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.run(await journey.add_job("echo begun; sleep 600", [server], timeout_s=1))
        target = execution["targets"][0]
        assert (target["state"], target["reason"]) == ("timed_out", "timed_out")
        assert await journey.log(target["id"]) == b"begun\n"


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_nothing_is_lost_when_killed_ten_times(
    own_product: Product, sshd: Sshd, tmp_path: Path
) -> None:
    """二百万行を書くあいだに製品を十回 SIGKILL しても、ログはサーバのファイルと一バイトも違わない。"""
    tmp_path.chmod(0o777)
    counter, copy = tmp_path / "started", tmp_path / "copy"
    async with own_product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        job = await journey.add_job(_two_million_lines(tmp_path), [server])
        execution = await journey.start(job)
    dice = random.Random(7)
    for number in range(KILLS):
        # 一区切り(4.6 MB)のどこかを書いている最中に殺し、起こしてから次の区切りへ進ませる
        await eventually(
            partial(_grown, copy, number * SEGMENT_BYTES + dice.randrange(SEGMENT_BYTES // 2)),
            f"{number} 番目の区切りを書き進む",
            60,
        )
        await own_product.kill()
        await own_product.start()
        (tmp_path / f"go.{number}").touch()
    async with own_product.client() as client:
        journey = Journey(client)
        ended = await journey.ended(execution["id"], seconds=120)
        log = await journey.log(ended["targets"][0]["id"])
    assert ended["state"] == "succeeded"
    assert counter.read_text() == "started\n"
    assert hashlib.sha256(log).digest() == hashlib.sha256(copy.read_bytes()).digest()
    assert ended["targets"][0]["log_lines"] == LINES


def _two_million_lines(directory: Path) -> str:
    """区切りごとに ``go.N`` を待つので、殺す前に書き終わってしまうことがない。"""
    wait = f'while [ ! -e {directory}/go." n " ]; do sleep 0.05; done'
    return (
        f"echo started >>{directory}/started\n"
        "awk 'BEGIN { n = 0\n"
        f"  for (i = 1; i <= {LINES}; i++) {{\n"
        '    printf "%07d 0123456789abcde\\n", i\n'
        '    if (i % 10000 == 0) { fflush(); system("sleep 0.05") }\n'
        f'    if (i % {LINES // KILLS} == 0) {{ system("{wait}"); n++ }}\n'
        "  }\n"
        f"}}' | tee {directory}/copy\n"
    )


def _grown(file: Path, size: int) -> bool:
    return file.exists() and file.stat().st_size > size


async def test_stopping_hands_over_quietly(own_product: Product, sshd: Sshd) -> None:
    """静かに止めても、走りはサーバの上で続き、次の起動が続きを受け取る。"""
    async with own_product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.start(await journey.add_job("echo a; sleep 4; echo b", [server]))
        await eventually(lambda: _has_log(client, execution), "最初の行が届く")
    assert await asyncio.to_thread(own_product.stop) < 5
    await own_product.start()
    async with own_product.client() as client:
        journey = Journey(client)
        ended = await journey.ended(execution["id"])
        assert await journey.log(ended["targets"][0]["id"]) == b"a\nb\n"


async def _has_log(client: httpx.AsyncClient, execution: dict[str, list[dict[str, int]]]) -> bool:
    answer = await client.get(f"/targets/{execution['targets'][0]['id']}/log")
    return answer.content == b"a\n"
