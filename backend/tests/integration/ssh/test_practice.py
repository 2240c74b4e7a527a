"""練習用のサーバも、本物の sshd と同じように混雑に耐える。"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from harness.remote_runs import order, run
from tsubame.business.credentials.entities import KeyLogin
from tsubame.business.servers.entities import Endpoint
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.secret import Secret
from tsubame.data_access.practice.ssh_server import HOST, PracticeFiles, PracticeServer, current_username
from tsubame.data_access.ssh.connection import host_key_of
from tsubame.data_access.ssh.gateway import SshGateway


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Endpoint]:
    server = PracticeServer(PracticeFiles(tmp_path / "practice"))
    port = await server.start()
    yield Endpoint(
        server_id=ServerId(1),
        name="practice",
        revision="1",
        host=HOST,
        port=port,
        username=current_username(),
        login=KeyLogin(Secret(server.files.client_key.read_text()), None),
        host_key=host_key_of(asyncssh.read_private_key(server.files.host_key)),
        run_directory=str(tmp_path / "runs"),
    )
    await server.stop()


async def test_practice_server_serves_a_crowd(ssh: SshGateway, practice: Endpoint) -> None:
    """三十の走りが一度に来ても、どれも自分の出力と終了コードを最後まで受け取り、片付けも済む。"""
    scripts = [f"seq {number} 20000; echo out; echo err >&2; exit {number}" for number in range(30)]
    followed = await asyncio.gather(*(run(ssh, practice, script) for script in scripts))
    for number, each in enumerate(followed):
        expected = "".join(f"{line}\n" for line in range(number, 20001)) + "out\nerr\n"
        assert each.log == expected.encode()
        assert each.exited.exit_code == number


async def test_practice_server_survives_leavers(ssh: SshGateway, practice: Endpoint) -> None:
    """一つの命令の相手が途中で去っても、同じつながりの隣の命令は続く。"""
    staying = asyncio.create_task(run(ssh, practice, "sleep 0.5; echo here"))
    endless = order("while :; do echo noise; done")
    leaver = await ssh.runs.start(practice, endless)
    await leaver.hello()
    await leaver.close()
    assert (await staying).log == b"here\n"
    assert (await ssh.runs.cancel(practice, endless.run_id, 0)).ended
