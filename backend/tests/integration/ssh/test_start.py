"""始めて、終わりまで追う。"""

from harness.remote_runs import follow, order
from harness.sshd import Sshd
from tsubame.data_access.ssh.gateway import SshGateway


async def test_runs_and_reports_exit(sshd: Sshd, ssh: SshGateway) -> None:
    """スクリプトの出力と終了コードが、そのまま届く。"""
    run = await follow(await ssh.runs.start(sshd.endpoint(), order("echo out; echo err >&2; exit 7\n")))
    assert run.log == b"out\nerr\n"
    assert run.exited.exit_code == 7
