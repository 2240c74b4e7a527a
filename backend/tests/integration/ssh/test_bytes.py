"""ログは、書かれたとおりのバイト列で届く。"""

import asyncio
import hashlib

import psutil

from harness.remote_runs import follow, greeted, order, run
from tsubame.business.executions.remote_run import Exited
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway


async def test_binary_50_mb(ssh: SshGateway, plain: Endpoint) -> None:
    """50 MB の乱数が、一バイトも変わらずに届く。"""
    script = (
        "dd if=/dev/urandom bs=1000000 count=50 2>/dev/null >/tmp/$TSUBAME_RUN_ID; cat /tmp/$TSUBAME_RUN_ID; "
        "sha256sum </tmp/$TSUBAME_RUN_ID; rm /tmp/$TSUBAME_RUN_ID\n"
    )
    log = (await run(ssh, plain, script)).log
    assert len(log) == 50_000_068
    assert hashlib.sha256(log[:50_000_000]).hexdigest().encode() == log[50_000_000:50_000_064]


async def test_one_line_of_100_mb(ssh: SshGateway, plain: Endpoint) -> None:
    """改行のない 100 MB の一行でも、溜め込まずに全部届く。"""
    wanted = order("dd if=/dev/zero bs=1000000 count=100 2>/dev/null | tr '\\000' x\n")
    attachment = await ssh.runs.start(plain, wanted)
    await greeted(attachment)
    total, largest = 0, 0
    while data := await attachment.read():
        assert data == b"x" * len(data)
        total, largest = total + len(data), max(largest, len(data))
    assert total == 100_000_000
    assert largest < 8_000_000
    assert isinstance(await attachment.outcome(), Exited)
    await ssh.runs.remove(plain, wanted.run_id)


async def test_invalid_utf8(ssh: SshGateway, plain: Endpoint) -> None:
    """UTF-8 として正しくないバイトも NUL も、そのまま届く。"""
    followed = await run(ssh, plain, "printf '\\377\\376\\000\\200tsubame1\\nend'\n")
    assert followed.log == b"\xff\xfe\x00\x80tsubame1\nend"


async def test_unread_output_makes_the_server_wait(ssh: SshGateway, plain: Endpoint) -> None:
    """読まなければ相手を待たせるだけで、こちらの記憶は膨らまない。"""
    wanted = order("exec yes\n")
    attachment = await ssh.runs.start(plain, wanted)
    await greeted(attachment)
    process = psutil.Process()
    await attachment.read()
    before = process.memory_info().rss
    # 別の走りが一つ終わるまで読まずにいる。
    await run(ssh, plain, "sleep 1\n")
    assert process.memory_info().rss - before < 30_000_000
    await ssh.runs.cancel(plain, wanted.run_id, 0)
    await attachment.close()


async def test_child_left_behind(ssh: SshGateway, plain: Endpoint) -> None:
    """背後に残した子が出力を握っていても、スクリプトが終わればすぐ終わる。あとの出力は数えない。"""
    script = "(while [ ! -e /tmp/$TSUBAME_RUN_ID ]; do sleep .05; done; echo late) & echo now; exit 0\n"
    wanted = order(script)
    async with asyncio.timeout(10):
        followed = await follow(await ssh.runs.start(plain, wanted))
    assert (followed.log, followed.exited.exit_code, followed.exited.size) == (b"now\n", 0, 4)
    gate = f"/tmp/{wanted.run_id}"
    await run(ssh, plain, f"touch {gate}; sleep .3; rm {gate}\n")
    assert (followed.directory / f"{wanted.run_id}.out").read_bytes() == b"now\nlate\n"
    second = await follow(await ssh.runs.attach(plain, wanted.run_id, 0))
    assert second.log == b"now\n"
