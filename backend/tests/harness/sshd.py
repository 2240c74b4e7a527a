"""本物の OpenSSH を、空いている口で立てる。

root なら利用者も作れる(``tsb`` で始まる名前だけ)。root でなければ、いまの利用者だけで走る。
"""

import asyncio
import fcntl
import getpass
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncssh
import psutil

from tsubame.business.credentials.entities import KeyLogin, Login, PasswordLogin
from tsubame.business.servers.entities import Endpoint, HostKey
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.secret import Secret

IS_ROOT: Final = os.geteuid() == 0
ME: Final = getpass.getuser()
PASSWORD: Final = "swallow under the eaves 7"
_SSHD: Final = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "/usr/sbin/sshd"
_KEY: Final = asyncssh.generate_private_key("ssh-ed25519", comment="tsubame test")
PRIVATE_KEY: Final = _KEY.export_private_key("openssh").decode("ascii")
PUBLIC_LINE: Final = _KEY.export_public_key("openssh").decode("ascii").strip()
KEY_LOGIN: Final = KeyLogin(Secret(PRIVATE_KEY), None)
PASSWORD_LOGIN: Final = PasswordLogin(Secret(PASSWORD))
_server_ids = itertools.count(1)


def ensure_user(name: str, shell: str = "/bin/sh") -> Path:
    """試験用の利用者を(なければ)作り、家を返す。何度呼んでもよい。root でだけ使える。"""
    if not name.startswith("tsb"):
        raise ValueError("test users are named tsb…")
    with Path("/tmp/tsb-users.lock").open("w") as lock:
        # 試験を並べて走らせると、同じ利用者を同時に作ろうとする。
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            known: pwd.struct_passwd | None = pwd.getpwnam(name)
        except KeyError:
            known = None
        if known is None:
            subprocess.run(["useradd", "-m", "-s", shell, name], check=True, capture_output=True)
            subprocess.run(["chpasswd"], input=f"{name}:{PASSWORD}", text=True, check=True)
        elif known.pw_shell != shell:
            subprocess.run(["usermod", "-s", shell, name], check=True, capture_output=True)
    return Path(pwd.getpwnam(name).pw_dir)


@dataclass(frozen=True)
class SshdOptions:
    """sshd の設定のうち、試験が変えるもの。

    ``extra`` は設定ファイルにそのまま足す行、``launcher`` は sshd の命令の前に置く語(``nsenter`` など)。
    """

    max_sessions: int = 10
    max_startups: str = "10:30:100"
    force_command: str | None = None
    password: bool = True
    keyboard_interactive: bool = False
    host_key_algorithm: str = "ssh-ed25519"
    listen: tuple[str, ...] = ("127.0.0.1",)
    extra: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()


@dataclass
class Sshd:
    """走っている sshd 一つ。"""

    options: SshdOptions
    folder: Path
    port: int
    host_key: HostKey
    server_id: ServerId = field(default_factory=lambda: ServerId(next(_server_ids)))
    log: list[str] = field(default_factory=list)
    _more_host_keys: list[Path] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None

    def endpoint(
        self,
        user: str = ME,
        login: Login = KEY_LOGIN,
        *,
        host_key: HostKey | None = None,
        run_directory: str | None = None,
    ) -> Endpoint:
        """この sshd へつなぐのに要るもの。ホスト鍵は、渡さなければ本物を固定したもの。"""
        key = host_key or self.host_key
        return Endpoint(
            server_id=self.server_id,
            name=f"sshd-{self.server_id}",
            revision=f"{user}/{hash((login, key, run_directory))}",
            host="127.0.0.1",
            port=self.port,
            username=user,
            login=login,
            host_key=key,
            run_directory=run_directory,
        )

    async def start(self) -> None:
        """立てて、聞き始めるまで待つ。止めたあとに同じ口で立て直せる。"""
        (self.folder / "config").write_text(self._config(), encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            *(*self.options.launcher, _SSHD, "-D", "-e", "-f", str(self.folder / "config")),
            stderr=asyncio.subprocess.PIPE,
        )
        listening = asyncio.Event()
        self._reader = asyncio.create_task(self._read_log(listening), name="sshd log")
        waiter = asyncio.create_task(listening.wait(), name="sshd listening")
        await asyncio.wait({waiter, self._reader}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if not listening.is_set():
            raise RuntimeError("sshd did not start: " + "".join(self.log))

    async def stop(self) -> None:
        """聞くのをやめ、つながっているものも切る。サーバの上の走りは続く。"""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            # 先に止めておく。切った隙に入り直した客の子が残ると、記録の管がいつまでも閉じない
            self._process.send_signal(signal.SIGSTOP)
            self.kill_sessions()
            self._process.kill()
        await self._process.wait()
        if self._reader is not None:
            await self._reader
        self._process = None

    def connections(self) -> list[psutil.Process]:
        """つながりを受け持っている sshd。一つのつながりに一つ(その下にもう一つ働き手がいる)。"""
        if self._process is None:
            return []
        try:
            return psutil.Process(self._process.pid).children()
        except psutil.NoSuchProcess:
            return []

    def kill_sessions(self) -> int:
        """つながりを全部、SIGKILL で切る。"""
        victims = self.connections()
        for victim in victims:
            kill_connection(victim)
        return len(victims)

    def limit(self, kind: int, value: int) -> None:
        """これからのつながりに、資源の上限(柔らかいほうも固いほうも)をかける。"""
        assert self._process is not None
        psutil.Process(self._process.pid).rlimit(kind, (value, value))

    def also_host_key(self, path: Path) -> None:
        """ホスト鍵をもう一つ見せる(次の ``start`` から)。"""
        self._more_host_keys.append(path)

    def replace_host_key(self, algorithm: str = "ssh-ed25519") -> HostKey:
        """ホスト鍵を取り替える(次の ``start`` から)。"""
        self.host_key = _write_host_key(self.folder, algorithm)
        return self.host_key

    async def _read_log(self, listening: asyncio.Event) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        # 続く子も同じ管に書くので、聞き手と子が全部いなくなるまで読む。
        async for line in self._process.stderr:
            self.log.append(line.decode("utf-8", "replace"))
            if b"Server listening" in line:
                listening.set()

    def _config(self) -> str:
        options = self.options
        lines = [
            f"Port {self.port}",
            *(f"ListenAddress {address}" for address in options.listen),
            f"HostKey {self.folder}/host_key",
            *(f"HostKey {path}" for path in self._more_host_keys),
            "PidFile none",
            f"AuthorizedKeysFile {self.folder}/authorized_keys",
            "StrictModes no",
            "PermitRootLogin yes",
            # パスワードの錠がかかった root でも、鍵で入れるように。
            f"UsePAM {'yes' if IS_ROOT else 'no'}",
            f"PasswordAuthentication {'yes' if options.password else 'no'}",
            f"KbdInteractiveAuthentication {'yes' if options.keyboard_interactive else 'no'}",
            f"MaxSessions {options.max_sessions}",
            f"MaxStartups {options.max_startups}",
            "LogLevel VERBOSE",
            "PrintMotd no",
            "Subsystem sftp internal-sftp",
            *options.extra,
        ]
        if options.force_command is not None:
            lines.append(f"ForceCommand {options.force_command}")
        # 開発機の root の .bashrc は重いことがある(pyenv など)。bash は SHLVL が 2 以上なら読まない。
        lines += ["Match User root", "    SetEnv SHLVL=1"]
        return "\n".join(lines) + "\n"


def kill_connection(connection: psutil.Process) -> None:
    """つながり一つを SIGKILL で切る。

    監視役だけを殺すと、働き手は親を失ったままつながりを保つ。働き手は ``sshd`` で、その下は走る命令。
    """
    with suppress(psutil.NoSuchProcess):
        workers = [child for child in connection.children() if child.name().startswith("sshd")]
        for process in (connection, *workers):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _write_host_key(folder: Path, algorithm: str) -> HostKey:
    key = asyncssh.generate_private_key(algorithm)
    path = folder / "host_key"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key("openssh"))
    line = key.export_public_key("openssh").decode("ascii")
    return HostKey(key.get_algorithm(), " ".join(line.split()[:2]), key.get_fingerprint())


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def start_sshd(options: SshdOptions | None = None) -> Sshd:
    """sshd を立てる。使い終わったら ``stop`` する。"""
    chosen = options or SshdOptions()
    if IS_ROOT:
        # 権限を分ける sshd が要る、空の場所。
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="tsb-sshd-"))
    folder.chmod(0o755)
    (folder / "authorized_keys").write_text(PUBLIC_LINE + "\n", encoding="utf-8")
    (folder / "authorized_keys").chmod(0o644)
    host_key = _write_host_key(folder, chosen.host_key_algorithm)
    sshd = Sshd(chosen, folder, free_port(), host_key)
    await sshd.start()
    return sshd
