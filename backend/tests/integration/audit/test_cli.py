"""`tsubame audit`: 確かめる、書き出す、書き出した物だけで確かめる。"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from harness.auditing import AuditRoom
from tsubame.data_access.db.roles import Worker, restrict

WORKER = Worker("tsubame_test_cli", "secret")


class Command:
    def __init__(self, url: str, directory: Path, **more: str) -> None:
        self._directory = directory
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TSUBAME_")}
        self._environment = kept | {
            "TSUBAME_DATABASE_URL": url,
            "TSUBAME_DATA_DIR": str(directory / "data"),
            **more,
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tsubame", *arguments],
            capture_output=True, text=True, check=False, timeout=60,
            env=self._environment, cwd=self._directory,
        )  # fmt: skip


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    return Command(database_url, tmp_path)


async def test_verify_tells_the_newest_hash(room: AuditRoom, command: Command) -> None:
    """合っていれば 0 で、数と、よそに控えるべき先のハッシュを言う。控えと照らせる。"""
    head = await room.chained(3)
    await room.record(1)
    done = command("audit", "verify")
    newest = f"3:{head.hash.hex()}"
    assert (done.returncode, done.stdout) == (
        0,
        f"OK: 3 events.\n1 events are not yet chained.\nnewest: {newest}\n",
    )
    assert command("audit", "verify", "--kept", newest).returncode == 0
    wrong = command("audit", "verify", "--kept", f"2:{head.hash.hex()}")
    assert (wrong.returncode, wrong.stdout.splitlines()[0]) == (
        1,
        "BROKEN: position 2: The hash at 2 is not the one that was kept.",
    )
    assert command("audit", "verify", "--kept", "nonsense").returncode == 2


async def test_verify_names_the_first_bad_event(room: AuditRoom, command: Command) -> None:
    """書き換えがあれば 1 で、最初の記録と、そこまで合っていたところを言う。"""
    await room.chained(4)
    await room.tamper("UPDATE audit_events SET actor_name = 'mallory' WHERE id > 2")
    done = command("audit", "verify")
    assert done.returncode == 1
    assert "BROKEN: position 3: Event 3 does not match its hash" in done.stdout
    assert "Intact up to 2:" in done.stdout


async def test_export_is_verified_offline(room: AuditRoom, command: Command, tmp_path: Path) -> None:
    """書き出した物は、データベースなしで確かめられる。一文字でも変えれば、その行が分かる。"""
    await room.record(4)
    file = tmp_path / "audit.jsonl"
    done = command("audit", "export", "--from", "2020-01-01", "--output", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "4 events exported.\n")
    lines = file.read_text().splitlines()
    assert [json.loads(line)["position"] for line in lines] == [1, 2, 3, 4]
    offline = Command("postgresql://nobody@192.0.2.1/none", tmp_path)
    good = offline("audit", "verify", "--file", str(file))
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "OK: 4 events.")
    file.write_text("\n".join(lines).replace("job 3", "job 9") + "\n")
    bad = offline("audit", "verify", "--file", str(file))
    assert (bad.returncode, bad.stdout) == (
        1,
        "BROKEN at line 3: position 3: Event 3 does not match its hash.\n",
    )
    file.write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    assert "BROKEN at line 2" in offline("audit", "verify", "--file", str(file)).stdout
    assert offline("audit", "verify", "--file", str(file), "--allow-gaps").returncode == 0
    file.write_text("not json\n")
    assert offline("audit", "verify", "--file", str(file)).returncode == 2
    assert command("audit", "export", "--to", "2020-01-01").stdout == ""


async def test_owner_and_worker_are_two_roles(database_url: str, tmp_path: Path, room: AuditRoom) -> None:
    """外のデータベースでも、持ち主を分ければ、働く役割で動く。"""
    await restrict(database_url, WORKER)
    url = urlunsplit(urlsplit(database_url)._replace(netloc=f"{WORKER.name}:{WORKER.password}@"))
    await room.sql("CREATE TABLE added_later (id bigint)")
    separate = Command(url, tmp_path, TSUBAME_DATABASE_OWNER_URL=database_url)
    done = separate("audit", "verify")
    assert (done.returncode, done.stderr) == (0, "")
    rows = await room.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'added_later'")
    assert [row.tableowner for row in rows] == [WORKER.name]
