"""ホスト鍵の読み取り。"""

import pytest

from harness.sshd import Sshd, SshdOptions, free_port, start_sshd
from harness.waiting import eventually
from tsubame.business.servers.entities import Route, SshOptions
from tsubame.business.servers.errors import ConnectRefusedError, NameNotResolvedError
from tsubame.data_access.ssh.gateway import SshGateway


async def test_scan_shows_the_key(sshd: Sshd, ssh: SshGateway) -> None:
    """見せられた鍵がそのまま返り、ログインは試みない。"""
    assert await ssh.scanner.scan(sshd.endpoint().route) == sshd.host_key
    await eventually(lambda: not sshd.connections(), "手を離す")
    await sshd.stop()
    assert not any("Accepted" in line or "Failed" in line or "Invalid user" in line for line in sshd.log)


async def test_ed25519_is_preferred(ssh: SshGateway) -> None:
    """いくつも鍵を持つサーバでは、Ed25519 の鍵を選ぶ。"""
    sshd = await start_sshd(SshdOptions(host_key_algorithm="ssh-rsa"))
    assert (await ssh.scanner.scan(sshd.endpoint().route)).algorithm == "ssh-rsa"
    await sshd.stop()
    (sshd.folder / "host_key").rename(sshd.folder / "rsa_key")
    ed25519 = sshd.replace_host_key()
    sshd.also_host_key(sshd.folder / "rsa_key")
    await sshd.start()
    assert await ssh.scanner.scan(sshd.endpoint().route) == ed25519
    await sshd.stop()


async def test_problems(ssh: SshGateway) -> None:
    """届かないわけは、実行と同じ言葉で分かる。"""
    with pytest.raises(ConnectRefusedError):
        await ssh.scanner.scan(Route("127.0.0.1", free_port(), None, SshOptions()))
    with pytest.raises(NameNotResolvedError):
        await ssh.scanner.scan(Route("no-such-host.invalid", 22, None, SshOptions()))
