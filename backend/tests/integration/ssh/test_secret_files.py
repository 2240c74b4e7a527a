"""ファイルの秘密: 走りのあいだだけ、動かす利用者だけが読めるファイルになる。"""

import itertools
import os
import random
import signal
from hashlib import sha256
from pathlib import Path

import pytest

from harness.remote_runs import follow, greeted, order, read_until, run
from harness.waiting import eventually
from tsubame.business.executions.remote_run import Exited, Guard, Lost
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway

_numbers = itertools.count(random.randrange(10**7, 10**8))
BINARY = bytes(range(256)) * 256
FILES = (("CERT", b"line one\nline two"), ("BLOB", BINARY), ("EMPTY", b"\n"))
LOOK = 'for path in "$CERT" "$BLOB" "$EMPTY"; do stat -c "%a %U" "$path"; sha256sum <"$path"; done\n'


def leftovers(directory: Path, run_id: str) -> list[str]:
    return sorted(path.name for path in directory.glob(f"{run_id}.*.s*"))


async def test_bytes_and_mode(ssh: SshGateway, endpoint: Endpoint) -> None:
    """どのバイトもそのままで、0600 で、持ち主は動かす利用者。スクリプト自身は余計な尻尾を持たない。"""
    wanted = order(f'{LOOK}wc -c <"$0"\n', files=FILES)
    followed = await follow(await ssh.runs.start(endpoint, wanted))
    lines = followed.log.decode().split("\n")
    assert lines[:6:2] == [f"600 {endpoint.username}"] * 3
    assert [line.split()[0] for line in lines[1:6:2]] == [sha256(raw).hexdigest() for _, raw in FILES]
    assert lines[6] == str(len(wanted.script))
    assert leftovers(followed.directory, wanted.run_id) == []
    await ssh.runs.remove(endpoint, wanted.run_id)


async def test_gone_before_the_end_is_told(ssh: SshGateway, plain: Endpoint) -> None:
    """終わりを聞いたときには、もうない。失敗した走りでも同じ。"""
    for code in (0, 7):
        wanted = order(f"cat $CERT; exit {code}\n", files=FILES)
        followed = await follow(await ssh.runs.start(plain, wanted))
        assert followed.exited.exit_code == code
        assert not list(followed.directory.glob(f"{wanted.run_id}.*.f.*"))


async def test_gone_after_cancel(ssh: SshGateway, endpoint: Endpoint) -> None:
    """中止しても残らない。"""
    wanted = order(f"echo up; sleep {next(_numbers)}\n", files=FILES)
    attachment = await ssh.runs.start(endpoint, wanted)
    directory = Path((await greeted(attachment)).directory)
    await read_until(attachment, b"up\n")
    assert len(list(directory.glob(f"{wanted.run_id}.*.f.*"))) == 3
    assert (await ssh.runs.cancel(endpoint, wanted.run_id, 1.0)).ended
    await eventually(lambda: not leftovers(directory, wanted.run_id), "片付く")
    await attachment.close()


@pytest.mark.parametrize("guard", [Guard(1, None, 1.0), Guard(None, 1, 1.0)], ids=["time", "contact"])
async def test_gone_after_the_guard_stopped_it(ssh: SshGateway, plain: Endpoint, guard: Guard) -> None:
    """だれもつながっていなくても、時間の上限や連絡の途絶で止まれば、サーバが自分で消す。"""
    wanted = order(f"echo up; sleep {next(_numbers)}\n", files=FILES, guard=guard)
    attachment = await ssh.runs.start(plain, wanted)
    directory = Path((await greeted(attachment)).directory)
    await read_until(attachment, b"up\n")
    await attachment.close()
    await eventually(lambda: not leftovers(directory, wanted.run_id), "自分で片付ける")


async def test_gone_after_the_runner_was_killed(ssh: SshGateway, plain: Endpoint) -> None:
    """走り手が kill -9 されても、次に見に来た者が消す。"""
    wanted = order(f"echo up; sleep {next(_numbers)}\n", files=FILES)
    attachment = await ssh.runs.start(plain, wanted)
    directory = Path((await greeted(attachment)).directory)
    await read_until(attachment, b"up\n")
    runner = int((directory / f"{wanted.run_id}.run").read_text().split()[1])
    os.kill(runner, signal.SIGKILL)
    followed = await follow(await ssh.runs.attach(plain, wanted.run_id, 3))
    assert followed.outcome == Lost("killed")
    assert leftovers(directory, wanted.run_id) == []
    await ssh.runs.cancel(plain, wanted.run_id, 1.0)
    await attachment.close()


async def test_script_and_environment_are_untouched(ssh: SshGateway, plain: Endpoint) -> None:
    """ファイルが付いても、環境変数・解釈系・場所の扱いは同じ。"""
    script = b"import os,sys;print(os.environ['A'], os.getcwd(), open(os.environ['CERT']).read(), sep='|')\n"
    environment = (("A", "x\n'y'"),)
    followed = await run(
        ssh, plain, script, files=FILES, environment=environment,
        interpreter=("/usr/bin/env", "python3"), working_directory="/",
    )  # fmt: skip
    assert followed.log == b"x\n'y'|/|line one\nline two\n"
    assert isinstance(followed.outcome, Exited)
