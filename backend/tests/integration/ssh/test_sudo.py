"""sudo: 別の利用者として走り、パスワードはどこにも残らず、断られたわけが分かる。"""

import asyncio
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.remote_runs import follow, greeted, order, read_until, run
from harness.sshd import PASSWORD, PASSWORD_LOGIN, Sshd, ensure_user
from harness.waiting import eventually
from tsubame.business.executions.remote_run import Exited
from tsubame.business.servers import entities
from tsubame.business.servers.entities import Endpoint, Sudo
from tsubame.business.servers.errors import (
    ConnectionProblem,
    ShellUnusableError,
    SudoMissingError,
    SudoNotAllowedError,
    SudoPasswordWrongError,
)
from tsubame.business.shared.secret import Secret
from tsubame.data_access.ssh.gateway import SshGateway

_FOLDER = Path("/etc/sudoers.d")
_ALLOWED = Secret(PASSWORD)


class Sudoers:
    """この試験のための決まり。終わりに消す。"""

    def __init__(self) -> None:
        self._files: set[Path] = set()

    def allow(self, user: str, *lines: str) -> None:
        path = _FOLDER / f"tsb-test-{user}"
        # sudo は、書きかけのファイルを見ると全部を断る。名前に点があるものは読まれない
        draft = path.with_suffix(".draft")
        draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        draft.chmod(0o440)
        draft.replace(path)
        self._files.add(path)

    def clear(self) -> None:
        for path in self._files:
            path.unlink(missing_ok=True)


@pytest.fixture
def sudoers() -> Iterator[Sudoers]:
    made = Sudoers()
    yield made
    made.clear()


def become(sshd: Sshd, user: str, sudo: Sudo) -> Endpoint:
    ensure_user(user)
    ensure_user("tsbapp")
    return replace(sshd.endpoint(user), sudo=sudo)


# use_pty は新しい sudo の既定で、あいだに端末を挟む
@pytest.mark.parametrize("pty", ["use_pty", "!use_pty"])
@pytest.mark.parametrize("password", [None, _ALLOWED], ids=["nopasswd", "password"])
async def test_runs_as_the_other_user(
    sshd: Sshd, ssh: SshGateway, sudoers: Sudoers, pty: str, password: Secret | None
) -> None:
    """スクリプトは別の利用者として、その家で、環境変数を持って走る。"""
    mode = "NOPASSWD: " if password is None else ""
    sudoers.allow("tsbsudo", f"Defaults:tsbsudo {pty}", f"tsbsudo ALL=(tsbapp) {mode}/bin/sh")
    endpoint = become(sshd, "tsbsudo", Sudo("tsbapp", password))
    script = "id -un; echo $HOME; pwd; echo $V; seq 50000; exit 7\n"
    followed = await run(ssh, endpoint, script, environment=(("V", "it's $x !1 \\ `"),))
    home = "/home/tsbapp"
    expected = f"tsbapp\n{home}\n{home}\nit's $x !1 \\ `\n" + "".join(f"{n}\n" for n in range(1, 50001))
    assert followed.log.decode() == expected
    assert followed.exited.exit_code == 7
    assert followed.directory == Path(home, ".local/state/tsubame")


async def test_every_operation_becomes_the_user(sshd: Sshd, ssh: SshGateway, sudoers: Sudoers) -> None:
    """つなぎ直し・問い合わせ・中止・片付けも、その利用者として届く。"""
    sudoers.allow("tsbsudo", "tsbsudo ALL=(tsbapp) /bin/sh")
    endpoint = become(sshd, "tsbsudo", Sudo("tsbapp", _ALLOWED))
    wanted = order("echo one; sleep 300 & sleep 300\n")
    first = await ssh.runs.start(endpoint, wanted)
    hello = await greeted(first)
    await read_until(first, b"one\n")
    record = Path(hello.directory, f"{wanted.run_id}.run")
    assert (record.owner(), stat.S_IMODE(record.stat().st_mode)) == ("tsbapp", 0o600)
    sshd.kill_sessions()
    again = await ssh.runs.attach(endpoint, wanted.run_id, 4)
    assert (await greeted(again)).directory == hello.directory
    assert await ssh.runs.still_running(endpoint, wanted.run_id)
    report = await ssh.runs.cancel(endpoint, wanted.run_id, 5)
    assert (report.ended, report.survivors) == (True, ())
    outcome = (await follow(again)).outcome
    assert isinstance(outcome, Exited)
    assert outcome.cancelled
    await ssh.runs.remove(endpoint, wanted.run_id)
    assert not list(Path(hello.directory).glob(f"{wanted.run_id}*"))


async def test_secret_file_is_for_that_user_only(sshd: Sshd, ssh: SshGateway, sudoers: Sudoers) -> None:
    """ファイルの秘密は替わった先の利用者のもので、ログインした利用者にも読めない。"""
    sudoers.allow("tsbsudo", "tsbsudo ALL=(tsbapp) NOPASSWD: /bin/sh")
    endpoint = become(sshd, "tsbsudo", Sudo("tsbapp", None))
    script = 'cat "$KEY"; stat -c "%a %U" "$KEY" "${KEY%/*}"\n'
    followed = await run(ssh, endpoint, script, files=(("KEY", b"inside\n"),))
    assert followed.log == b"inside\n600 tsbapp\n700 tsbapp\n"


async def test_unneeded_password_is_never_sent(sshd: Sshd, ssh: SshGateway, sudoers: Sudoers) -> None:
    """NOPASSWD なら、パスワードを登録していても送らない。スクリプトの入力にも紛れない。"""
    sudoers.allow("tsbsudo", "tsbsudo ALL=(tsbapp) NOPASSWD: /bin/sh")
    endpoint = become(sshd, "tsbsudo", Sudo("tsbapp", Secret("touch /tmp/tsb-leak")))
    assert (await run(ssh, endpoint, "cat; echo end\n")).log == b"end\n"
    assert not Path("/tmp/tsb-leak").exists()


async def test_password_is_nowhere_to_be_seen(sshd: Sshd, ssh: SshGateway, sudoers: Sudoers) -> None:
    """動いているあいだ、どのプロセスの引数にも環境変数にも、走りのファイルにも、パスワードはない。"""
    sudoers.allow("tsbsudo", "tsbsudo ALL=(tsbapp) /bin/sh")
    endpoint = become(sshd, "tsbsudo", Sudo("tsbapp", _ALLOWED))
    wanted = order("echo one; sleep 300\n")
    attachment = await ssh.runs.start(endpoint, wanted)
    hello = await greeted(attachment)
    await read_until(attachment, b"one\n")
    seen = 0
    for process in psutil.process_iter(["username", "name"]):
        if process.info["username"] not in {"tsbsudo", "tsbapp"} and process.info["name"] != "sudo":
            continue
        try:
            words = " ".join([*process.cmdline(), *process.environ().values()])
        except psutil.Error:
            continue
        assert PASSWORD not in words
        seen += wanted.run_id in words
    assert seen >= 2
    for path in Path(hello.directory).glob(f"{wanted.run_id}*"):
        assert PASSWORD.encode() not in path.read_bytes()
    await ssh.runs.cancel(endpoint, wanted.run_id, 0)
    await follow(attachment)
    await ssh.runs.remove(endpoint, wanted.run_id)


@pytest.mark.parametrize(
    "case",
    [
        ("tsbsudo ALL=(tsbapp) /bin/sh", Sudo("tsbapp", Secret("wrong")), SudoPasswordWrongError),
        (
            "Defaults:tsbsudo passwd_tries=1\ntsbsudo ALL=(tsbapp) /bin/sh",
            Sudo("tsbapp", Secret("wrong")),
            SudoPasswordWrongError,
        ),
        ("tsbsudo ALL=(tsbapp) /bin/sh", Sudo("tsbapp", None), SudoNotAllowedError),
        ("tsbsudo ALL=(tsbapp) NOPASSWD: /bin/true", Sudo("tsbapp", None), SudoNotAllowedError),
        ("tsbsudo ALL=(tsbapp) /bin/sh", Sudo("root", _ALLOWED), SudoNotAllowedError),
        ("", Sudo("tsbapp", _ALLOWED), SudoNotAllowedError),
        ("tsbsudo ALL=(ALL) NOPASSWD: /bin/sh", Sudo("tsb-nobody", None), SudoNotAllowedError),
        (
            "Defaults:tsbsudo requiretty\ntsbsudo ALL=(tsbapp) NOPASSWD: /bin/sh",
            Sudo("tsbapp", None),
            SudoNotAllowedError,
        ),
    ],
)
async def test_refusals(
    sshd: Sshd, ssh: SshGateway, sudoers: Sudoers, case: tuple[str, Sudo, type[ConnectionProblem]]
) -> None:
    """断られたわけが、始めるとき・止めるとき・接続試験のどれでも、同じ名前で分かる。"""
    rule, sudo, kind = case
    sudoers.allow("tsbsudo", *rule.splitlines())
    endpoint = become(sshd, "tsbsudo", sudo)
    with pytest.raises(kind) as caught:
        await (await ssh.runs.start(endpoint, order("echo hi\n"))).hello()
    assert type(caught.value) is kind
    assert PASSWORD not in caught.value.detail
    with pytest.raises(kind):
        await ssh.runs.cancel(endpoint, "test-1", 0)
    *passed, failed = await ssh.tester.test(endpoint)
    assert (failed.name, failed.reason) == (entities.TestStepName.SHELL, kind.code)
    assert all(step.reason is None for step in passed)


async def test_wrong_password_is_tried_once(sshd: Sshd, ssh: SshGateway, sudoers: Sudoers) -> None:
    """違うパスワードを二度試さない。スクリプトを二度目の答えとして渡しもしない。"""
    sudoers.allow(
        "tsbsudo",
        "Defaults:tsbsudo logfile=/tmp/tsb-sudo.log, badpass_message=TSBBAD",
        "tsbsudo ALL=(tsbapp) /bin/sh",
    )
    log = Path("/tmp/tsb-sudo.log")
    log.unlink(missing_ok=True)
    endpoint = become(sshd, "tsbsudo", Sudo("tsbapp", Secret("wrong")))
    with pytest.raises(SudoPasswordWrongError):
        await (await ssh.runs.start(endpoint, order("echo hi\n"))).hello()
    await eventually(log.exists, "sudo が書き留める")
    await eventually(lambda: "incorrect password attempt" in log.read_text(), "断ったと書く")
    assert "1 incorrect password attempt" in log.read_text()
    log.unlink()


async def test_no_sudo_on_the_server(sshd: Sshd, ssh: SshGateway) -> None:
    """sudo のないサーバでは sudo_missing。"""
    home = ensure_user("tsbnosudo", "/bin/bash")
    (home / ".bashrc").write_text("PATH=/nowhere\n")
    endpoint = replace(sshd.endpoint("tsbnosudo"), sudo=Sudo("root", None))
    with pytest.raises(SudoMissingError):
        await (await ssh.runs.start(endpoint, order("echo hi\n"))).hello()


async def test_nologin_is_not_blamed_on_sudo(sshd: Sshd, ssh: SshGateway) -> None:
    """sudo にたどり着く前に断るサーバは、sudo のせいにしない。"""
    ensure_user("tsbnologin", "/usr/sbin/nologin")
    endpoint = replace(sshd.endpoint("tsbnologin"), sudo=Sudo("root", _ALLOWED))
    with pytest.raises(ShellUnusableError):
        await (await ssh.runs.start(endpoint, order("echo hi\n"))).hello()


@pytest.mark.parametrize("shell", ["/bin/bash", "/usr/bin/fish", "/bin/tcsh", "/usr/bin/zsh"])
async def test_sudo_under_every_login_shell(
    sshd: Sshd, ssh: SshGateway, sudoers: Sudoers, shell: str
) -> None:
    """ログインシェルが何であっても、パスワードつきの sudo を通り抜ける。"""
    user = f"tsbsudo{Path(shell).name}"
    ensure_user(user, shell)
    sudoers.allow(user, f"{user} ALL=(tsbapp) /bin/sh")
    ensure_user("tsbapp")
    endpoint = replace(sshd.endpoint(user, PASSWORD_LOGIN), sudo=Sudo("tsbapp", _ALLOWED))
    assert (await run(ssh, endpoint, "id -un\n")).log == b"tsbapp\n"


async def test_many_at_once(sshd: Sshd, ssh: SshGateway, sudoers: Sudoers) -> None:
    """同時に何本でも、それぞれがパスワードの受付を通り抜ける。"""
    sudoers.allow("tsbsudo", "tsbsudo ALL=(tsbapp) /bin/sh")
    endpoint = become(sshd, "tsbsudo", Sudo("tsbapp", _ALLOWED))
    logs = await asyncio.gather(*(run(ssh, endpoint, f"echo {n}\n") for n in range(12)))
    assert [followed.log for followed in logs] == [b"%d\n" % n for n in range(12)]
