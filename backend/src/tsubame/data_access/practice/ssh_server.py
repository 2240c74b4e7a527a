"""このプロセスの中で開く、練習用の SSH サーバ。

127.0.0.1 でだけ待ち受け、自分たちの作った鍵だけを通し、命令は今の利用者として動く。
"""

import asyncio
import contextlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

HOST: Final = "127.0.0.1"
_PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class PracticeFiles:
    """練習用のサーバが起動をまたいで覚えておくもの。"""

    root: Path

    @property
    def host_key(self) -> Path:
        return self.root / "host_key"

    @property
    def client_key(self) -> Path:
        return self.root / "client_key"

    @property
    def port(self) -> Path:
        return self.root / "port"

    @property
    def exists(self) -> bool:
        return self.port.exists()


class PracticeServerError(Exception):
    """練習用のサーバを開けない。"""


class PracticeServer:
    def __init__(self, files: PracticeFiles) -> None:
        self.files = files
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def start(self) -> int:
        """鍵を一度だけ作って待ち受け、ポートを返す。できるだけ前と同じポートを使う。

        Raises:
            PracticeServerError: 待ち受けられるポートがない。
        """
        if self._acceptor is not None:
            return self._acceptor.get_port()
        self.files.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        host_key = _key(self.files.host_key)
        client_key = _key(self.files.client_key)
        authorized = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
        for port in (self._last_port(), 0):
            try:
                self._acceptor = await asyncssh.listen(
                    HOST,
                    port,
                    server_host_keys=[host_key],
                    authorized_client_keys=authorized,
                    process_factory=_run,
                    encoding=None,
                    allow_pty=False,
                    agent_forwarding=False,
                )
            except OSError:
                continue
            break
        if self._acceptor is None:
            raise PracticeServerError("No port is free on 127.0.0.1 for the practice server.")
        port = self._acceptor.get_port()
        self.files.port.write_text(str(port))
        return port

    @property
    def fingerprint(self) -> str:
        """見せるホスト鍵の指紋。"""
        return _key(self.files.host_key).get_fingerprint()

    def _last_port(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int(self.files.port.read_text())
        return 0

    async def stop(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()


def current_username() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _key(path: Path) -> asyncssh.SSHKey:
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.export_private_key())
    return asyncssh.read_private_key(path)


async def _run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """一つの命令を動かす。本物の sshd と同じく、つながりが切れても命令は殺さない。"""
    home = pwd.getpwuid(os.getuid()).pw_dir
    loop = asyncio.get_running_loop()
    # create_subprocess_exec と同じだが、管を閉じる口(transport)が手に残る
    transport, protocol = await loop.subprocess_exec(
        lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=_PIECE, loop=loop),
        "/bin/sh",
        "-c",
        process.command or ":",
        cwd=home if os.access(home, os.X_OK) else "/",
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LOGNAME": current_username()},
        start_new_session=True,
    )
    try:
        # 去った相手の例外を外へ出すと、asyncssh はつながりごと切り、隣の命令まで巻き込む
        with contextlib.suppress(ConnectionError, asyncssh.Error):
            status = await _carry(process, asyncio.subprocess.Process(transport, protocol, loop))
            process.exit(status if status >= 0 else 128 - status)
            await process.wait_closed()
    finally:
        # まだ動いていれば殺し、管を閉じる。走り手は別のセッションにいるので続く
        transport.close()


async def _carry(process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> int:
    """入出力を運び、終了コードを返す。出力を運び切る前に終わりを告げない。

    asyncssh の redirect は使わない。標準出力が先に閉じると、まだ運んでいない標準エラーまで打ち切る。
    """
    stdin, stdout, stderr = child.stdin, child.stdout, child.stderr
    if stdin is None or stdout is None or stderr is None:
        raise PracticeServerError("The command has no pipes.")

    async def outcome() -> int:
        await asyncio.gather(_drain(stdout, process.stdout), _drain(stderr, process.stderr))
        return await child.wait()

    feeding = asyncio.create_task(_feed(process.stdin, stdin), name="practice-stdin")
    carrying = asyncio.create_task(outcome(), name="practice-output")
    leaving = asyncio.create_task(process.wait_closed(), name="practice-leaving")
    try:
        # 相手が去ったら、出力を待たない
        await asyncio.wait({carrying, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not carrying.done():
            raise ConnectionResetError("The client left.")
        return carrying.result()
    finally:
        for task in (feeding, carrying, leaving):
            task.cancel()
        await asyncio.gather(feeding, carrying, leaving, return_exceptions=True)


async def _feed(source: asyncssh.SSHReader[bytes], sink: asyncio.StreamWriter) -> None:
    # 読まずに終わる命令もある
    with contextlib.suppress(ConnectionError, asyncssh.Error):
        while data := await source.read(_PIECE):
            sink.write(data)
            await sink.drain()
        sink.close()


async def _drain(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    while data := await source.read(_PIECE):
        sink.write(data)
        await sink.drain()
