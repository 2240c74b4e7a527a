"""つながらないわけが、業務の言葉で分かる。"""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncssh
import pytest

from harness.remote_runs import follow, order, run
from harness.sshd import (
    KEY_LOGIN,
    PASSWORD_LOGIN,
    Sshd,
    SshdOptions,
    ensure_user,
    free_port,
    start_sshd,
)
from tsubame.business.credentials.entities import KeyLogin, PasswordLogin
from tsubame.business.executions.remote_run import Cut
from tsubame.business.servers.entities import Endpoint, SshOptions
from tsubame.business.servers.errors import (
    AuthFailedError,
    ConnectionLostError,
    ConnectionProblem,
    ConnectRefusedError,
    ConnectTimedOutError,
    CredentialUnusableError,
    HostKeyChangedError,
    HostKeyUnknownError,
    NameNotResolvedError,
    NoCommonAlgorithmError,
    NotSshError,
    PasswordChangeRequiredError,
)
from tsubame.business.shared.secret import Secret
from tsubame.data_access.ssh.dialer import Dialer, Tunnels
from tsubame.data_access.ssh.gateway import SshGateway


async def _refused(ssh: SshGateway, endpoint: Endpoint, kind: type[ConnectionProblem]) -> ConnectionProblem:
    with pytest.raises(kind) as caught:
        await ssh.runs.start(endpoint, order("echo hi\n"))
    assert type(caught.value) is kind
    assert caught.value.detail
    return caught.value


@asynccontextmanager
async def _listening(greeting: bytes, *, close: bool) -> AsyncIterator[int]:
    """SSH ではない相手。"""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        if not close:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_password(sshd: Sshd, ssh: SshGateway) -> None:
    """パスワードで入れる。"""
    ensure_user("tsbdash")
    assert (await run(ssh, sshd.endpoint("tsbdash", PASSWORD_LOGIN), "echo hi\n")).log == b"hi\n"


async def test_keyboard_interactive(ssh: SshGateway) -> None:
    """対話式の認証しか許さないサーバでも、パスワードで入れる。"""
    ensure_user("tsbdash")
    sshd = await start_sshd(SshdOptions(password=False, keyboard_interactive=True))
    assert (await run(ssh, sshd.endpoint("tsbdash", PASSWORD_LOGIN), "echo hi\n")).log == b"hi\n"
    wrong = sshd.endpoint("tsbdash", PasswordLogin(Secret("wrong")))
    await _refused(ssh, wrong, AuthFailedError)
    await sshd.stop()


async def test_wrong_password_is_tried_once(sshd: Sshd, ssh: SshGateway) -> None:
    """誤ったパスワードは auth_failed。何度も試して相手に締め出されない。"""
    ensure_user("tsbdash")
    endpoint = sshd.endpoint("tsbdash", PasswordLogin(Secret("not the password")))
    problem = await _refused(ssh, endpoint, AuthFailedError)
    assert not problem.transient
    await sshd.stop()
    assert sum("Failed password" in line for line in sshd.log) == 1


async def test_key_with_passphrase(sshd: Sshd, ssh: SshGateway) -> None:
    """合言葉つきの鍵で入れる。合言葉が違えば credential_unusable で、サーバには何も送らない。"""
    key = asyncssh.import_private_key(KEY_LOGIN.private_key.reveal())
    text = key.export_private_key("openssh", "opensesame").decode()
    right = KeyLogin(Secret(text), Secret("opensesame"))
    assert (await run(ssh, sshd.endpoint(login=right), "echo hi\n")).log == b"hi\n"
    for word in (None, Secret("wrong")):
        await _refused(ssh, sshd.endpoint(login=KeyLogin(Secret(text), word)), CredentialUnusableError)


async def test_wrong_key(sshd: Sshd, ssh: SshGateway) -> None:
    """登録されていない鍵は auth_failed。"""
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh").decode()
    await _refused(ssh, sshd.endpoint(login=KeyLogin(Secret(other), None)), AuthFailedError)


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
async def test_changed_host_key(ssh: SshGateway, algorithm: str) -> None:
    """ホスト鍵が変わると(種別が変わっても)、新しい鍵を添えて断り、ログインは試みない。"""
    sshd = await start_sshd()
    old = sshd.host_key
    await sshd.stop()
    new = sshd.replace_host_key(algorithm)
    await sshd.start()
    problem = await _refused(ssh, sshd.endpoint(host_key=old), HostKeyChangedError)
    assert isinstance(problem, HostKeyChangedError)
    assert problem.offered == new
    await sshd.stop()
    assert not any("Accepted" in line or "Failed" in line or "Postponed" in line for line in sshd.log)
    await sshd.start()
    assert (await run(ssh, sshd.endpoint(), "echo hi\n")).log == b"hi\n"
    await sshd.stop()


async def test_unknown_host_key(sshd: Sshd, ssh: SshGateway) -> None:
    """承認されたホスト鍵がなければ、つなぎもしない。"""
    await _refused(ssh, replace(sshd.endpoint(), host_key=None), HostKeyUnknownError)
    assert not sshd.connections()


async def test_refused_port(sshd: Sshd, ssh: SshGateway) -> None:
    """だれも聞いていない口は connect_refused。待てば通る見込みがある。"""
    problem = await _refused(ssh, replace(sshd.endpoint(), port=free_port()), ConnectRefusedError)
    assert problem.transient


@pytest.mark.parametrize("host", ["no-such-host.invalid", "bad..name", "x" * 70])
async def test_unresolvable_name(sshd: Sshd, ssh: SshGateway, host: str) -> None:
    """名前が解けないときは name_not_resolved。"""
    await _refused(ssh, replace(sshd.endpoint(), host=host), NameNotResolvedError)


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail ready\r\n", b"\x00\x01" * 9]
)
async def test_not_ssh(sshd: Sshd, ssh: SshGateway, greeting: bytes) -> None:
    """SSH でない口は not_ssh で、何と言われたかが見える。"""
    async with _listening(greeting, close=True) as port:
        problem = await _refused(ssh, replace(sshd.endpoint(), port=port), NotSshError)
    assert greeting[:8].decode().split("\0")[0] in problem.detail


async def test_silent_port(sshd: Sshd, ssh: SshGateway) -> None:
    """つながるが何も言わない口は、待ち続けずに connect_timed_out。"""
    impatient = SshOptions(connect_timeout_s=1)
    async with _listening(b"", close=False) as port:
        endpoint = replace(sshd.endpoint(), port=port, options=impatient)
        await _refused(ssh, endpoint, ConnectTimedOutError)


async def test_no_common_algorithm(ssh: SshGateway) -> None:
    """合う暗号がなければ no_common_algorithm。"""
    sshd = await start_sshd(SshdOptions(extra=("Ciphers 3des-cbc",)))
    await _refused(ssh, sshd.endpoint(), NoCommonAlgorithmError)
    await sshd.stop()


async def test_server_gone_while_following(sshd: Sshd, ssh: SshGateway) -> None:
    """追っている途中でサーバが消えると Cut になり、戻ってくれば続きから届く。"""
    wanted = order("echo one; sleep 1; echo two\n")
    attachment = await ssh.runs.start(sshd.endpoint(), wanted)
    assert await attachment.read() == b"one\n"
    await sshd.stop()
    assert isinstance((await follow(attachment)).outcome, Cut)
    await _refused(ssh, sshd.endpoint(), ConnectRefusedError)
    await sshd.start()
    assert (await follow(await ssh.runs.attach(sshd.endpoint(), wanted.run_id, 4))).log == b"two\n"


async def test_expired_account(sshd: Sshd, ssh: SshGateway) -> None:
    """期限の切れた利用者には、ログインの途中で切られたことと、疑うべきことを言う。"""
    ensure_user("tsbexpired")
    subprocess.run(["chage", "-E", "1", "tsbexpired"], check=True)
    problem = await _refused(ssh, sshd.endpoint("tsbexpired"), ConnectionLostError)
    assert "expired" in problem.detail


async def test_password_must_be_changed(sshd: Sshd, ssh: SshGateway) -> None:
    """パスワードの変更を求められる利用者は password_change_required。"""
    ensure_user("tsbstale")
    subprocess.run(["chage", "-d", "0", "tsbstale"], check=True)
    for login in (KEY_LOGIN, PASSWORD_LOGIN):
        attachment = await ssh.runs.start(sshd.endpoint("tsbstale", login), order("echo hi\n"))
        with pytest.raises(PasswordChangeRequiredError):
            await attachment.hello()


async def test_compression(sshd: Sshd) -> None:
    """頼めば圧縮し、頼まなければしない。"""
    for wanted in (True, False):
        dialer = Dialer(replace(sshd.endpoint(), options=SshOptions(compression=wanted)), Tunnels())
        connection = await dialer.dial()
        assert (connection.get_extra_info("recv_compression") != "none") is wanted
        connection.close()


# 古い鍵交換が、使う側のライブラリからも消えてゆく途中だという知らせ
@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
@pytest.mark.parametrize(
    "only",
    [
        ("Ciphers 3des-cbc",),
        ("Ciphers aes128-cbc", "MACs hmac-md5"),
        ("KexAlgorithms diffie-hellman-group1-sha1", "MACs hmac-sha1-96"),
        ("HostKeyAlgorithms ssh-rsa",),
    ],
    ids=lambda only: only[0],
)
async def test_old_server(ssh: SshGateway, only: tuple[str, ...]) -> None:
    """古い暗号方式しか話さないサーバにも、許せば入れる。ホスト鍵も読める。"""
    sshd = await start_sshd(SshdOptions(host_key_algorithm="ssh-rsa", extra=only))
    endpoint = replace(sshd.endpoint(), options=SshOptions(legacy_algorithms=True))
    assert await ssh.scanner.scan(endpoint.route) == sshd.host_key
    assert (await run(ssh, endpoint, "seq 20000\n")).log.endswith(b"\n20000\n")
    await sshd.stop()


async def test_old_methods_are_not_chosen_without_need(sshd: Sshd) -> None:
    """許しても、新しいサーバとは新しい方式で話す。"""
    dialer = Dialer(replace(sshd.endpoint(), options=SshOptions(legacy_algorithms=True)), Tunnels())
    connection = await dialer.dial()
    assert "gcm" in connection.get_extra_info("recv_cipher")
    connection.close()


async def test_dead_peer_is_noticed(sshd: Sshd, ssh: SshGateway) -> None:
    """返事をしなくなった相手には、生存確認の三つ分で気づき、つなぎ直せば続きが届く。"""
    wanted = order("echo one; sleep 2; echo two\n")
    endpoint = replace(sshd.endpoint(), options=SshOptions(keepalive_s=1))
    attachment = await ssh.runs.start(endpoint, wanted)
    assert await attachment.read() == b"one\n"
    frozen = [process for parent in sshd.connections() for process in (parent, *parent.children())]
    for process in frozen:
        process.suspend()
    began = asyncio.get_running_loop().time()
    assert isinstance((await follow(attachment)).outcome, Cut)
    # 既定の 7 秒なら 21 秒で、30 秒に収まる
    assert 2 < asyncio.get_running_loop().time() - began < 30 / 7
    assert (await follow(await ssh.runs.attach(endpoint, wanted.run_id, 4))).log == b"two\n"
    for process in frozen:
        process.kill()
