"""本物の dropbear。組み込み機器の SSH。root でだけ使える(利用者の家の authorized_keys を見るため)。"""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from asyncssh import import_public_key

from harness.sshd import KEY_LOGIN, PUBLIC_LINE, ensure_user, free_port
from harness.waiting import eventually
from tsubame.business.credentials.entities import Login
from tsubame.business.servers.entities import Endpoint, HostKey
from tsubame.business.shared.ids import ServerId

_DROPBEAR: Final = (
    shutil.which("dropbear", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "dropbear"
)


@dataclass(frozen=True)
class Dropbear:
    """走っている dropbear 一つ。"""

    port: int
    user: str
    host_key: HostKey
    process: asyncio.subprocess.Process

    def endpoint(self, login: Login = KEY_LOGIN) -> Endpoint:
        return Endpoint(
            server_id=ServerId(self.port),
            name="dropbear",
            revision=f"{self.user}/{hash(login)}",
            host="127.0.0.1",
            port=self.port,
            username=self.user,
            login=login,
            host_key=self.host_key,
            run_directory=None,
        )

    def connections(self) -> list[psutil.Process]:
        """つながり一つに、子が一つ。"""
        return psutil.Process(self.process.pid).children()

    def kill_connections(self) -> None:
        for child in self.connections():
            with suppress(psutil.NoSuchProcess):
                child.kill()


@asynccontextmanager
async def dropbear(
    *options: str, user: str = "tsbdropbear", algorithm: str = "ed25519"
) -> AsyncIterator[Dropbear]:
    home = ensure_user(user)
    keys = home / ".ssh"
    keys.mkdir(mode=0o700, exist_ok=True)
    (keys / "authorized_keys").write_text(PUBLIC_LINE + "\n", encoding="utf-8")
    (keys / "authorized_keys").chmod(0o600)
    who = pwd.getpwnam(user)
    for path in (keys, keys / "authorized_keys"):
        os.chown(path, who.pw_uid, who.pw_gid)
    with tempfile.TemporaryDirectory(prefix="tsb-dropbear-") as folder:
        key = Path(folder, "host_key")
        host_key = _write_host_key(key, algorithm)
        port = free_port()
        files = ("-P", f"{folder}/pid", "-r", str(key))
        process = await asyncio.create_subprocess_exec(
            *(_DROPBEAR, "-F", "-E", "-m", *files, "-p", f"127.0.0.1:{port}", *options),
            stderr=asyncio.subprocess.DEVNULL,
        )
        started = Dropbear(port, user, host_key, process)
        try:
            await eventually(lambda: Path(folder, "pid").exists(), "聞き始める")
            yield started
        finally:
            started.kill_connections()
            process.kill()
            await process.wait()


def _write_host_key(path: Path, algorithm: str) -> HostKey:
    made = subprocess.run(
        ["dropbearkey", "-t", algorithm, "-f", str(path)], check=True, capture_output=True, text=True
    )
    line = next(line for line in made.stdout.splitlines() if line.startswith(("ssh-", "ecdsa-")))
    key = import_public_key(line)
    return HostKey(key.get_algorithm(), " ".join(line.split()[:2]), key.get_fingerprint())
