"""ログインシェルがどれでも走る。走れないものは、相手の言い分とともに分かる。"""

from pathlib import Path

import pytest

from harness.remote_runs import order, run
from harness.sshd import Sshd, SshdOptions, ensure_user, start_sshd
from tsubame.business.executions.remote_run import Guard
from tsubame.business.servers.errors import ShellUnusableError
from tsubame.data_access.ssh.gateway import SshGateway

BUSYBOX_SHELL = Path("/usr/local/bin/tsb-busybox-ash")
SHELLS = [
    *("/bin/bash", "/bin/dash", "/usr/bin/zsh", "/usr/bin/fish", "/bin/tcsh", "/bin/csh"),
    str(BUSYBOX_SHELL),
]


@pytest.mark.parametrize("shell", SHELLS)
async def test_every_login_shell(sshd: Sshd, ssh: SshGateway, shell: str) -> None:
    """ログインシェルが何であっても、同じ出力・終了コード・環境変数になる。見張りが付いても同じ。"""
    if shell == str(BUSYBOX_SHELL):
        BUSYBOX_SHELL.write_text('#!/bin/sh\nexec /usr/bin/busybox ash "$@"\n')
        BUSYBOX_SHELL.chmod(0o755)
    user = "tsb" + Path(shell).name.replace("-", "").removeprefix("tsb")
    ensure_user(user, shell)
    environment = (("V", "it's $x !1 \\ `"),)
    for guard in (None, Guard(3600, 3600, 1.0)):
        script = "echo $SHELL $V; exit 9\n"
        followed = await run(ssh, sshd.endpoint(user), script, environment=environment, guard=guard)
        assert followed.log.decode() == f"{shell} it's $x !1 \\ `\n"
        assert (followed.exited.exit_code, followed.exited.guarded_by) == (9, None)


async def test_noisy_profile(sshd: Sshd, ssh: SshGateway) -> None:
    """.bashrc が喋り、set -x をしても、ログには一文字も混ざらない。"""
    home = ensure_user("tsbnoisy", "/bin/bash")
    noise = 'echo "Welcome"; printf "no newline tsubame1 "; echo errnoise >&2; printf "half " >&2; set -x\n'
    (home / ".bashrc").write_text(noise)
    followed = await run(ssh, sshd.endpoint("tsbnoisy"), "echo hello; exit 4\n")
    assert (followed.log, followed.exited.exit_code) == (b"hello\n", 4)


async def test_endless_profile_is_refused(sshd: Sshd, ssh: SshGateway) -> None:
    """際限なく喋るシェルは、待ち続けずに諦める。"""
    home = ensure_user("tsbyes", "/bin/bash")
    (home / ".bashrc").write_text("yes blah\n")
    attachment = await ssh.runs.start(sshd.endpoint("tsbyes"), order("echo hi\n"))
    with pytest.raises(ShellUnusableError, match="blah blah"):
        await attachment.hello()


async def test_nologin_shows_what_the_server_said(sshd: Sshd, ssh: SshGateway) -> None:
    """nologin の利用者では走れず、サーバの言った文が見える。"""
    ensure_user("tsbnologin", "/usr/sbin/nologin")
    with pytest.raises(ShellUnusableError, match="not available"):
        await (await ssh.runs.start(sshd.endpoint("tsbnologin"), order("echo hi\n"))).hello()


async def test_restricted_shell(sshd: Sshd, ssh: SshGateway) -> None:
    """制限つきシェルでは走れず、わけが見える。"""
    ensure_user("tsbrbash", "/bin/rbash")
    with pytest.raises(ShellUnusableError, match="restricted"):
        await (await ssh.runs.start(sshd.endpoint("tsbrbash"), order("echo hi\n"))).hello()


@pytest.mark.parametrize(
    ("command", "said"),
    [("internal-sftp", "does not run commands"), ("/bin/echo only backups here", "only backups here")],
)
async def test_forced_command(ssh: SshGateway, command: str, said: str) -> None:
    """ForceCommand のサーバでは走れず、何が答えたかが見える。"""
    sshd = await start_sshd(SshdOptions(force_command=command))
    try:
        attachment = await ssh.runs.start(sshd.endpoint(), order("echo hi\n"))
        with pytest.raises(ShellUnusableError, match=said):
            await attachment.hello()
        with pytest.raises(ShellUnusableError, match=said):
            await ssh.runs.cancel(sshd.endpoint(), "test-1", 0)
    finally:
        await sshd.stop()
