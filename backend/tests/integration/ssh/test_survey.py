"""残っている走りを数える: どの置き場所にあっても、動いていても終わっていても。"""

import os
from pathlib import Path

import pytest

from harness.remote_runs import follow, greeted, new_id, order
from harness.sshd import Sshd, SshdOptions, ensure_user, start_sshd
from tsubame.business.executions.errors import RunStillRunningError
from tsubame.business.executions.remote_run import RemoteRun, RemoteRunState, Survey
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import ConnectionLostError
from tsubame.data_access.ssh.control_lines import ControlLine
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.ssh.survey import surveyed


def _find(survey: Survey, run_id: str) -> RemoteRun | None:
    return next((run for run in survey.runs if run.run_id == run_id), None)


async def test_running_then_ended_then_gone(ssh: SshGateway, endpoint: Endpoint) -> None:
    """走っていれば「走行中」、終われば「終わり」、消せば出てこない。走っているあいだは消せない。"""
    wanted = order("head -c 100000 /dev/zero; echo; sleep 600\n")
    attachment = await ssh.runs.start(endpoint, wanted)
    hello = await greeted(attachment)
    running = _find(await ssh.runs.survey(endpoint), wanted.run_id)
    assert running is not None
    assert (running.state, running.directory) == (RemoteRunState.RUNNING, hello.directory)
    with pytest.raises(RunStillRunningError):
        await ssh.runs.remove(endpoint, wanted.run_id)
    await ssh.runs.cancel(endpoint, wanted.run_id, 0)
    await follow(attachment)
    survey = await ssh.runs.survey(endpoint)
    ended = _find(survey, wanted.run_id)
    assert ended is not None
    assert ended.state is RemoteRunState.ENDED
    assert ended.size > 100_000
    assert ended.age_s is not None
    assert 0 <= ended.age_s < 60
    home = next(directory for directory in survey.directories if directory.path == hello.directory)
    assert home.free_bytes > 0
    await ssh.runs.remove(endpoint, wanted.run_id)
    assert _find(await ssh.runs.survey(endpoint), wanted.run_id) is None


async def test_every_place_is_looked_at(ssh: SshGateway, sshd: Sshd) -> None:
    """置き場所の設定を変えたあとも、前の置き場所の走りが見える。設定が候補と同じでも、二度は出ない。"""
    home = ensure_user("tsbdash")
    wanted = order("echo hi\n")
    before = sshd.endpoint("tsbdash")
    directory = (await follow(await ssh.runs.start(before, wanted))).directory
    after = sshd.endpoint("tsbdash", run_directory=str(home / "elsewhere"))
    assert _find(await ssh.runs.survey(after), wanted.run_id) is not None
    same = sshd.endpoint("tsbdash", run_directory=str(directory))
    found = [run for run in (await ssh.runs.survey(same)).runs if run.run_id == wanted.run_id]
    assert len(found) == 1
    await ssh.runs.remove(before, wanted.run_id)


async def test_place_without_a_start(ssh: SshGateway, plain: Endpoint) -> None:
    """場所だけがある走りは「始まっていない」。走り手が死んだものは、終わりに数える。"""
    wanted = order("echo hi\n")
    directory = (await follow(await ssh.runs.start(plain, wanted))).directory
    empty = new_id()
    mark = directory / f"{empty}.fin"
    mark.write_bytes((directory / f"{wanted.run_id}.fin").read_bytes()[:100])
    owner = (directory / f"{wanted.run_id}.fin").stat()
    os.chown(mark, owner.st_uid, owner.st_gid)
    found = _find(await ssh.runs.survey(plain), empty)
    assert found is not None
    assert found.state is RemoteRunState.UNSTARTED
    for run_id in (empty, wanted.run_id):
        await ssh.runs.remove(plain, run_id)


async def test_busybox_only() -> None:
    """coreutils のないサーバの ash でも、同じに数える。"""
    tools = Path("/usr/local/lib/tsb-busybox")
    ensure_user("tsbdash")
    sshd = await start_sshd(SshdOptions(extra=(f"SetEnv PATH={tools}",)))
    ash = SshGateway(shell="/usr/bin/busybox ash")
    try:
        wanted = order("head -c 5000 /dev/zero\n")
        await follow(await ash.runs.start(sshd.endpoint("tsbdash"), wanted))
        found = _find(await ash.runs.survey(sshd.endpoint("tsbdash")), wanted.run_id)
        assert found is not None
        assert (found.state, found.size > 5000, found.age_s is not None) == (RemoteRunState.ENDED, True, True)
        await ash.runs.remove(sshd.endpoint("tsbdash"), wanted.run_id)
    finally:
        await ash.close()
        await sshd.stop()


def test_torn_answer_is_not_a_short_list() -> None:
    """途中で切れた答えを「残っていない」と見せない。"""
    with pytest.raises(ConnectionLostError):
        surveyed([ControlLine("directory", {"d": "/x", "free_kb": "1"})])
