"""`tsubame` コマンド。"""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from tsubame import __version__


class Command:
    """別プロセスの `tsubame`。開発者の環境変数と .env は渡さない。"""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TSUBAME_")}
        environment |= {f"TSUBAME_{name}": value for name, value in variables.items()}
        return subprocess.run(
            [sys.executable, "-m", "tsubame", *arguments],
            capture_output=True, text=True, check=False, timeout=60, env=environment, cwd=self._directory,
        )  # fmt: skip


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_version(command: Command) -> None:
    """版を聞くと、版だけを答える。"""
    assert command.run("version").stdout == f"{__version__}\n"


def test_settings_are_listed(command: Command) -> None:
    """設定の一覧に、いまの値が出て秘密は出ない。"""
    done = command.run("settings", PORT="9000", DATABASE_URL="postgresql://u:secret@db/x")
    assert "TSUBAME_PORT = 9000" in done.stdout
    assert "secret" not in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["up", "demo", "settings"])
def test_wrong_setting_stops_the_start(command: Command, name: str) -> None:
    """設定が正しくなければ、標準エラーに 1 文だけを出して 2 で終わる。"""
    done = command.run(name, PORT="99999")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tsubame: TSUBAME_PORT is wrong: input should be less than or equal to 65535.\n"


def test_new_encryption_key(command: Command) -> None:
    """作った鍵はそのまま使え、毎回違う。"""
    first, second = (command.run("encryption-key").stdout.strip() for _ in range(2))
    assert Fernet(first).decrypt(Fernet(first).encrypt(b"x")) == b"x"
    assert first != second


def test_migrate_an_existing_database(command: Command, database_url: str, tmp_path: Path) -> None:
    """Migrate は、指した PostgreSQL を最新にして終わる。"""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    done = command.run("migrate", DATABASE_URL=database_url, DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT to_regclass('executions')::text").fetchone()
    assert found == ("executions",)


def test_unreachable_parent_is_explained(command: Command, tmp_path: Path) -> None:
    """データ置き場を作れないとき、追跡の跡ではなく直し方を言って終わる。"""
    (tmp_path / "file").write_text("")
    done = command.run("migrate", DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith("tsubame: TSUBAME_DATA_DIR ")
    assert done.stderr.count("\n") == 1
