"""接続試験: 段ごとに、かかった時間と事実か、失敗のわけが分かる。"""

import shutil
from dataclasses import replace
from pathlib import Path

from harness.remote_runs import follow, order
from harness.sshd import PASSWORD_LOGIN, Sshd, ensure_user, free_port, start_sshd
from tsubame.business.credentials.entities import PasswordLogin
from tsubame.business.executions.remote_run import Refused
from tsubame.business.servers import entities
from tsubame.business.servers.entities import Endpoint
from tsubame.business.shared.secret import Secret
from tsubame.data_access.ssh.gateway import SshGateway

# 名前が Test で始まるものを直に読み込むと、pytest が試験と間違える。
Step = entities.TestStepName
ALL = [step for step in Step if step is not Step.JUMP]


async def _steps(ssh: SshGateway, endpoint: Endpoint) -> dict[Step, entities.TestStep]:
    return {step.name: step for step in await ssh.tester.test(endpoint)}


def _failure(steps: dict[Step, entities.TestStep]) -> tuple[Step, str | None]:
    """最後の段。その前は全部通っている。"""
    *passed, last = steps.values()
    assert list(steps) == ALL[: len(steps)]
    assert all(step.reason is None for step in passed)
    assert last.detail
    return last.name, last.reason


async def test_everything_passes(sshd: Sshd, ssh: SshGateway) -> None:
    """全部の段が通り、住所・版・指紋・シェル・置き場所・空きが分かる。後には何も残らない。"""
    home = ensure_user("tsbdash", "/bin/sh")
    steps = await _steps(ssh, sshd.endpoint("tsbdash", PASSWORD_LOGIN))
    assert list(steps) == ALL
    assert all(step.reason is None and step.duration_ms > 0 for step in steps.values())
    assert steps[Step.DNS].facts == {"address": "127.0.0.1"}
    assert steps[Step.TCP].facts == {"address": "127.0.0.1", "port": sshd.port}
    assert steps[Step.HOST_KEY].facts["fingerprint"] == sshd.host_key.fingerprint
    assert "OpenSSH" in str(steps[Step.LOGIN].facts["server_version"])
    assert str(steps[Step.SHELL].facts["uname"]).startswith("Linux ")
    assert steps[Step.SHELL].facts["shell"] == "/bin/sh"
    directory = home / ".local/state/tsubame"
    assert steps[Step.RUN_DIRECTORY].facts["directory"] == str(directory)
    assert int(steps[Step.RUN_DIRECTORY].facts["free_bytes"]) > 1_000_000
    assert not list(directory.glob("check-*"))


async def test_each_failure_stops_at_its_step(sshd: Sshd, ssh: SshGateway) -> None:
    """失敗はその段で止まり、わけが実行と同じ名前で分かる。"""
    ensure_user("tsbdash")
    ensure_user("tsbnologin", "/usr/sbin/nologin")
    good = sshd.endpoint("tsbdash")
    other = await start_sshd()
    await other.stop()
    cases = [
        (replace(good, host="no-such.invalid"), Step.DNS, "name_not_resolved"),
        (replace(good, port=free_port()), Step.TCP, "connect_refused"),
        (replace(good, host_key=other.host_key), Step.HOST_KEY, "host_key_changed"),
        (replace(good, login=PasswordLogin(Secret("no"))), Step.LOGIN, "auth_failed"),
        (sshd.endpoint("tsbnologin"), Step.SHELL, "shell_unusable"),
    ]
    for endpoint, name, reason in cases:
        assert _failure(await _steps(ssh, endpoint)) == (name, reason)


async def test_unknown_key_is_shown(sshd: Sshd, ssh: SshGateway) -> None:
    """承認前のサーバでは、見せられた指紋を添えて host_key の段で止まる。"""
    steps = await _steps(ssh, replace(sshd.endpoint(), host_key=None))
    assert _failure(steps) == (Step.HOST_KEY, "host_key_unknown")
    assert steps[Step.HOST_KEY].facts["fingerprint"] == sshd.host_key.fingerprint


async def test_no_place_for_runs(sshd: Sshd, ssh: SshGateway) -> None:
    """どこにも書けなければ run_directory の段で止まり、走りも同じわけで断られる。"""
    home = ensure_user("tsbnowhere")
    shutil.rmtree(home, ignore_errors=True)
    taken = [Path(parent) / "tsubame-tsbnowhere" for parent in ("/var/tmp", "/tmp", "/dev/shm")]
    for path in taken:
        path.mkdir(exist_ok=True)
    try:
        endpoint = sshd.endpoint("tsbnowhere")
        assert _failure(await _steps(ssh, endpoint)) == (Step.RUN_DIRECTORY, "no_run_directory")
        followed = await follow(await ssh.runs.start(endpoint, order("echo hi\n")))
        assert followed.outcome == Refused("nodir")
    finally:
        for path in taken:
            path.rmdir()
