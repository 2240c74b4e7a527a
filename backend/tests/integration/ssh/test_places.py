"""走りの置き場所: 家が読めない・ない・満杯でも走り、途中で満杯になっても終わりは失われない。"""

import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.remote_runs import follow, order, run
from harness.sshd import Sshd, ensure_user
from tsubame.business.executions.remote_run import Refused
from tsubame.business.servers.errors import NoRunDirectoryError
from tsubame.data_access.ssh.gateway import SshGateway


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """1 MB の円盤。だれでも書ける。"""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_home_by_default(sshd: Sshd, ssh: SshGateway) -> None:
    """ふだんは家の ~/.local/state/tsubame に置く。"""
    home = ensure_user("tsbdash")
    assert (await run(ssh, sshd.endpoint("tsbdash"), "true\n")).directory == home / ".local/state/tsubame"


async def test_read_only_home(sshd: Sshd, ssh: SshGateway) -> None:
    """家に書けなければ、/var/tmp に置いて走る。"""
    home = ensure_user("tsbreadonly")
    shutil.rmtree(home / ".local", ignore_errors=True)
    shutil.chown(home, "root")
    home.chmod(0o755)
    followed = await run(ssh, sshd.endpoint("tsbreadonly"), "pwd\n")
    assert followed.directory == Path("/var/tmp/tsubame-tsbreadonly")
    assert followed.log.decode().strip() == str(home)


async def test_missing_home(sshd: Sshd, ssh: SshGateway) -> None:
    """家がなくても走る。家を勝手に作らない。"""
    home = ensure_user("tsbhomeless")
    shutil.rmtree(home, ignore_errors=True)
    followed = await run(ssh, sshd.endpoint("tsbhomeless"), "pwd\n")
    assert followed.directory == Path("/var/tmp/tsubame-tsbhomeless")
    assert followed.log == b"/\n"
    assert not home.exists()


async def test_full_home(sshd: Sshd, ssh: SshGateway, small_disk: Path) -> None:
    """置き場所に決めた円盤が満杯なら、次の候補で走る。"""
    ensure_user("tsbdash")
    filler = small_disk / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4096"], check=False, capture_output=True)
    endpoint = sshd.endpoint("tsbdash", run_directory=str(small_disk / "runs"))
    followed = await run(ssh, endpoint, "echo hi\n")
    assert followed.log == b"hi\n"
    assert followed.directory == Path(pwd.getpwnam("tsbdash").pw_dir) / ".local/state/tsubame"


async def test_disk_fills_during_the_run(sshd: Sshd, ssh: SshGateway, small_disk: Path) -> None:
    """途中で満杯になっても終了コードは届き、ログが欠けたおそれがあると分かる。"""
    ensure_user("tsbdash")
    endpoint = sshd.endpoint("tsbdash", run_directory=str(small_disk / "runs"))
    script = "while echo 0123456789012345678901234567890123456789; do :; done 2>/dev/null\nexit 9\n"
    followed = await run(ssh, endpoint, script)
    assert followed.directory == small_disk / "runs"
    assert (followed.exited.exit_code, followed.exited.log_incomplete) == (9, True)
    assert followed.exited.size == len(followed.log) > 900_000


async def test_script_does_not_fit(sshd: Sshd, ssh: SshGateway, small_disk: Path) -> None:
    """スクリプトを置き切れないときは、途中までで走らせずに断る。"""
    ensure_user("tsbdash")
    endpoint = sshd.endpoint("tsbdash", run_directory=str(small_disk / "runs"))
    script = "echo started\n" + "# padding\n" * 200_000
    followed = await follow(await ssh.runs.start(endpoint, order(script)))
    assert followed.outcome == Refused("write")


async def test_configured_directory(sshd: Sshd, ssh: SshGateway, tmp_path: Path) -> None:
    """置き場所を決めてあれば、空白や日本語を含んでいても、そこに置く。"""
    chosen = tmp_path / "my 走り $x"
    followed = await run(ssh, sshd.endpoint(run_directory=str(chosen)), "echo hi\n")
    assert (followed.log, followed.directory) == (b"hi\n", chosen)


async def test_symbolic_link_is_not_followed(sshd: Sshd, ssh: SshGateway, tmp_path: Path) -> None:
    """置き場所が記号リンクなら使わない(他人が張ったものかもしれない)。"""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    followed = await run(ssh, sshd.endpoint(run_directory=str(tmp_path / "link")), "echo hi\n")
    assert followed.directory != tmp_path / "link"
    assert list((tmp_path / "real").iterdir()) == []


async def test_directory_of_another_user_is_not_used(sshd: Sshd, ssh: SshGateway, tmp_path: Path) -> None:
    """他人のディレクトリには置かない。"""
    ensure_user("tsbdash")
    other = tmp_path / "other"
    other.mkdir()
    shutil.chown(other, "tsbdash")
    other.chmod(0o777)
    followed = await run(ssh, sshd.endpoint(run_directory=str(other)), "echo hi\n")
    assert followed.directory != other


async def test_unquotable_directory_is_refused(sshd: Sshd, ssh: SshGateway) -> None:
    """どのシェルにも安全に渡せない名前の置き場所は、送る前に断る。"""
    with pytest.raises(NoRunDirectoryError):
        await ssh.runs.start(sshd.endpoint(run_directory="/tmp/it's"), order("echo hi\n"))
