"""内蔵 PostgreSQL のデータ置き場: 形、初期化、接続先、版の確かめ。

    <root>/                自分の物。0700(root のときは、切り替えた利用者が通れる 0711)
      owner.lock           flock を握るプロセスが持ち主
      dsn                  表の持ち主の、接続先と合言葉。0600、自分だけが読む
      worker.password      働く役割の合言葉。0600、自分だけが読む
      postgres.log         postgres の標準エラー
      data/  run/          postgres を動かす利用者の物。0700
      binaries/            実行ファイルの写し(届かない場所にあるときだけ)

root のとき <root> を postgres 側の利用者に渡さないのは、その利用者が仕込んだ symlink へ
root が書いてしまう道を塞ぐため。
"""

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from tsubame.data_access.db.postgres_binaries import (
    EmbeddedPostgresError,
    PostgresBinaries,
    find_binaries,
    reachable_by,
)
from tsubame.data_access.db.postgres_user import RunAs, choose_user, first_closed_parent

# Linux の sun_path は 108 バイト、macOS は 104。".s.PGSQL.5432.lock" の分を引いて余裕を見る
_LONGEST_SOCKET_DIRECTORY = 80
_COMMAND_SECONDS = 120
WORKER_ROLE = "tsubame_worker"
_STATUS_LINE = 7


@dataclass(frozen=True)
class ServerFile:
    """postmaster.pid の中身のうち、使うところ。"""

    pid: int
    ready: bool


class PostgresCluster:
    def __init__(self, root: Path) -> None:
        """`root` の絶対パスで場所を決める。ファイルにはまだ触らない。"""
        self.root = root.absolute()
        self.data = self.root / "data"
        self.log = self.root / "postgres.log"
        self.lock = self.root / "owner.lock"
        self._dsn = self.root / "dsn"

    def prepare(self) -> None:
        """自分のディレクトリを作り、postgres を動かす利用者と実行ファイルを決める。"""
        user = choose_user(self.data)
        if user is None:
            raise EmbeddedPostgresError(
                "PostgreSQL refuses to run as root and no unprivileged user exists: "
                "create one (useradd --system tsubame) or set TSUBAME_DATABASE_URL."
            )
        self.user: RunAs = user
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.lstat(self.root).st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"The data directory {self.root} belongs to another user: "
                "start as that user or set TSUBAME_DATA_DIR to a directory of your own."
            )
        self.root.chmod(0o711 if user.switch else 0o700)
        closed = first_closed_parent(user, self.root)
        if closed is not None:
            raise EmbeddedPostgresError(
                f"PostgreSQL runs as an unprivileged user (uid {user.uid}) who cannot enter {closed}: "
                "set TSUBAME_DATA_DIR to a directory outside of it, for example /var/lib/tsubame."
            )
        self.binaries: PostgresBinaries = reachable_by(user, find_binaries(), self.root / "binaries")

    def environment(self) -> dict[str, str]:
        """子に渡す環境。利用者の PG* 変数や翻訳された文言に左右されないように、これだけ。"""
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.root), "TZ": "UTC"}

    @property
    def sockets(self) -> Path:
        near = self.root / "run"
        if len(os.fsencode(near)) <= _LONGEST_SOCKET_DIRECTORY:
            return near
        name = hashlib.sha256(os.fsencode(near)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tsubame-{self.user.uid}-{name}"

    def dsn(self) -> str:
        return self._dsn.read_text(encoding="utf-8").strip()

    def worker(self) -> tuple[str, str]:
        """働く役割の接続先と合言葉。合言葉は一度だけ作る。"""
        path = self.root / "worker.password"
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            self._write_secret(draft, secrets.token_urlsafe(24) + "\n")
            try:
                os.link(draft, path)  # もう誰かが作っていれば失敗する(上書きしない)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        password = path.read_text(encoding="ascii").strip()
        sockets = urllib.parse.quote(str(self.sockets), safe="")
        quoted = urllib.parse.quote(password)
        return f"postgresql://{WORKER_ROLE}:{quoted}@/postgres?host={sockets}", password

    def ready_to_attach(self) -> bool:
        found = self.server_file()
        return found is not None and found.ready and self._dsn.exists()

    def server_file(self) -> ServerFile | None:
        """postmaster.pid を読む。形は PostgreSQL の src/include/utils/pidfile.h。"""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            status = "".join(lines[_STATUS_LINE:]).strip()  # 起動の途中では、まだこの行がない
            return ServerFile(int(lines[0] if lines else ""), status == "ready")
        except (OSError, ValueError):
            return None

    def initialise(self) -> None:
        """データがなければ作る。あれば、実行ファイルの版と合うことを確かめる。持ち主だけが呼ぶ。"""
        self._private_directory(self.sockets)
        version = self.data / "PG_VERSION"
        if not version.exists():
            self._initdb()
            return
        major = int(version.read_text(encoding="ascii"))
        if major != self.binaries.major:
            raise EmbeddedPostgresError(
                f"The data in {self.data} was made by PostgreSQL {major} but this installation carries "
                f"version {self.binaries.major}: start the previous release once more, save the data with "
                "pg_dump, move the directory away and restore the dump into the new one."
            )

    def _initdb(self) -> None:
        half = self.root / "data.new"  # 途中で殺された initdb が data になることはない
        shutil.rmtree(half, ignore_errors=True)
        self._private_directory(half)
        password = secrets.token_urlsafe(24)
        password_file = self.root / "password.new"
        password_file.unlink(missing_ok=True)
        self._write_secret(password_file, password, self.user.uid)
        # 並びは言語に依らない C。版が上がっても並び順が変わらず、索引が壊れない
        locale = ["--locale=C.UTF-8"]
        if self.binaries.major >= 17:  # noqa: PLR2004  --locale-provider=builtin は 17 から
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        try:
            self.run("initdb", "-D", str(half), "-U", "tsubame", "-A", "scram-sha-256",
                     "--pwfile", str(password_file), "-E", "UTF8", "--data-checksums", *locale)  # fmt: skip
        finally:
            password_file.unlink()
        quote = urllib.parse.quote
        self._dsn.unlink(missing_ok=True)
        sockets = quote(str(self.sockets), safe="")
        self._write_secret(self._dsn, f"postgresql://tsubame:{quote(password)}@/postgres?host={sockets}\n")
        half.rename(self.data)

    def _private_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        if self.user.switch:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)
        found = os.lstat(path)
        # 共用の /tmp に先回りして置かれたディレクトリや symlink を使わない
        if path.is_symlink() or found.st_uid != self.user.uid:
            raise EmbeddedPostgresError(f"The directory {path} belongs to another user: remove it.")
        path.chmod(0o700)

    @staticmethod
    def _write_secret(path: Path, text: str, owner: int | None = None) -> None:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            if owner is not None and owner != os.geteuid():
                os.fchown(file.fileno(), owner, -1)

    def run(self, name: str, *arguments: str) -> None:
        """PostgreSQL の道具を 1 つ、正しい利用者で走らせる。"""
        try:
            done = subprocess.run(  # noqa: S603  引数はすべて自分で組み立てた物
                [self.binaries.path(name), *arguments], capture_output=True, text=True, check=False,
                env=self.environment(), cwd=self.root, timeout=_COMMAND_SECONDS, **self.user.popen,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise EmbeddedPostgresError(f"PostgreSQL's {name} could not be run: {exc}") from exc
        if done.returncode:
            raise EmbeddedPostgresError(f"PostgreSQL's {name} failed: {done.stderr.strip()}")
