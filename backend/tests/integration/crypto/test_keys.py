"""暗号の鍵を入れ替える、点検する、失くしたことに気づく。"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.waiting import eventually
from tsubame.business.shared.ids import DEFAULT_PROJECT
from tsubame.business.shared.vault import Place
from tsubame.data_access.crypto.key_check import LostKeyError, check_keys, known_keys
from tsubame.data_access.crypto.key_marks import marking
from tsubame.data_access.crypto.key_rotation import KeyRotation, Progress
from tsubame.data_access.crypto.keyring import Keyring, fingerprint
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.db.signal_bus import PostgresSignalBus
from tsubame.data_access.tables.credentials import credentials
from tsubame.entrypoints.data_directory import new_encryption_key

OLD, NEW, OTHER = new_encryption_key(), new_encryption_key(), new_encryption_key()


def place(row: int) -> Place:
    return Place("credentials", "sealed", row)


async def put(engine: AsyncEngine, key: str, *rows: int) -> None:
    """その鍵で閉じた認証情報。"""
    vault = FernetVault([key])
    async with engine.begin() as connection:
        for row in rows:
            await connection.execute(
                insert(credentials).values(
                    id=row,
                    project_id=DEFAULT_PROJECT,
                    name=f"cred-{row}",
                    kind="password",
                    has_passphrase=False,
                    sealed=vault.seal(f"secret-{row}".encode(), place(row)),
                )
            )


async def opened(engine: AsyncEngine, key: str) -> dict[int, str | None]:
    """その鍵だけで開いた中身。開かなければ ``None``。"""
    ring, vault = Keyring([key]), FernetVault([key])
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(credentials.c.id, credentials.c.sealed).order_by(credentials.c.id)
        )
        return {
            row.id: None
            if ring.opener(row.sealed, place(row.id)) is None
            else vault.open(row.sealed, place(row.id)).decode()
            for row in rows
        }


def silent(_: Progress) -> None:
    return


async def test_rotation_seals_everything_with_the_first_key(engine: AsyncEngine) -> None:
    """入れ替えのあとは、新しい鍵だけで全部が開き、中身も版も変わらない。二度目は何もしない。"""
    await put(engine, OLD, *range(1, 251))
    await put(engine, NEW, 251)
    seen: list[Progress] = []
    rotation = KeyRotation(engine, Keyring([NEW, OLD]))
    done = await rotation.rotate(seen.append)
    assert (done.resealed, done.unreadable) == (250, [])
    assert [(each.looked, each.resealed) for each in seen[:3]] == [(100, 100), (200, 200), (251, 250)]
    assert await opened(engine, NEW) == {row: f"secret-{row}" for row in range(1, 252)}
    assert set((await opened(engine, OLD)).values()) == {None}
    async with engine.connect() as connection:
        assert (
            await connection.execute(text("SELECT DISTINCT version FROM credentials"))
        ).scalars().all() == [1]
    assert (await rotation.rotate(silent)).resealed == 0


async def test_write_during_rotation_is_not_lost(engine: AsyncEngine) -> None:
    """閉じ直している最中に人が書き換えたものは、上書きせず、次の周回で閉じ直す。"""
    await put(engine, OLD, 1, 2)
    newer = FernetVault([OLD]).seal(b"newer", place(2))

    class Meddled(Keyring):
        """開いてから書くまでのあいだに、人が書き換える。"""

        meddled = False

        def reseal(self, sealed: str, at: Place, opener: int) -> str:
            if at.row == 2 and not self.meddled:
                self.meddled = True
                meddle(engine, newer)
            return super().reseal(sealed, at, opener)

    done = await KeyRotation(engine, Meddled([NEW, OLD])).rotate(silent)
    assert done.resealed == 2
    assert await opened(engine, NEW) == {1: "secret-1", 2: "newer"}


def meddle(engine: AsyncEngine, sealed: str) -> None:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE credentials SET sealed = %s WHERE id = 2", (sealed,))


async def test_survey_counts_keys_and_names_what_is_lost(engine: AsyncEngine) -> None:
    """点検は、鍵ごとの数と、どの鍵でも開かないもの(写されたものも)の名前を言う。"""
    await put(engine, NEW, 1)
    await put(engine, OLD, 2, 3)
    await put(engine, OTHER, 4)
    async with engine.begin() as connection:
        copied = select(credentials.c.sealed).where(credentials.c.id == 2).scalar_subquery()
        await connection.execute(update(credentials).where(credentials.c.id == 3).values(sealed=copied))
    survey = await KeyRotation(engine, Keyring([NEW, OLD])).survey()
    assert survey.opened == {0: 1, 1: 1}
    assert [str(each) for each in survey.unreadable] == [
        "credential 'cred-3' (#3)",
        "credential 'cred-4' (#4)",
    ]


async def test_lost_key_stops_the_start(engine: AsyncEngine) -> None:
    """鍵を失くして起動すると、何が開けず、どうすればよいかを言って止まる。"""
    await check_keys(engine, Keyring([OLD]), "the file")
    await put(engine, OLD, *range(1, 6))
    with pytest.raises(LostKeyError) as lost:
        await check_keys(engine, Keyring([NEW]), "/data/encryption.key")
    sentence = str(lost.value)
    assert "in /data/encryption.key cannot open credential 'cred-1' (#1)" in sentence
    assert "and 2 more" in sentence
    assert fingerprint(OLD) in sentence
    assert "tsubame keys abandon" in sentence
    assert await known_keys(engine) == {fingerprint(OLD)}


async def test_lost_key_is_noticed_right_after_an_upgrade(engine: AsyncEngine) -> None:
    """鍵の控えがまだない(前の版から上げた)ときも、開けないものに気づく。"""
    await put(engine, OLD, 1)
    with pytest.raises(LostKeyError, match="cred-1"):
        await check_keys(engine, Keyring([NEW]), "x")


async def test_rotated_key_may_be_removed(engine: AsyncEngine) -> None:
    """入れ替えを終えて外した古い鍵では、止まらない。控えも消える。"""
    await check_keys(engine, Keyring([OLD]), "x")
    await put(engine, OLD, 1)
    both = Keyring([NEW, OLD])
    await check_keys(engine, both, "x")
    assert await known_keys(engine) == {fingerprint(OLD), fingerprint(NEW)}
    await KeyRotation(engine, both).rotate(silent)
    await check_keys(engine, Keyring([NEW]), "x")
    assert await known_keys(engine) == {fingerprint(NEW)}


async def test_running_process_without_the_key_is_named(engine: AsyncEngine, database_url: str) -> None:
    """先頭の鍵を知らないプロセスが動いていれば、それと分かる。知っていれば、いない。"""
    rotation = KeyRotation(engine, Keyring([NEW, OLD]))
    assert await rotation.behind() == []
    for keys, count in (([OLD], 1), ([NEW, OLD], 0), ([OLD, NEW], 0)):
        bus = PostgresSignalBus(database_url, marking(keys))
        listening = asyncio.Event()
        bus.subscribe(lambda _: None, listening.set)
        running = asyncio.create_task(bus.run())
        await asyncio.wait_for(listening.wait(), 10)
        assert len(await rotation.behind()) == count
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

        async def gone() -> bool:
            return await rotation.behind() == []

        await eventually(gone, "聞き手が去る")


class Command:
    """別のプロセスの ``tsubame keys``。"""

    def __init__(self, url: str, directory: Path) -> None:
        self._url, self._directory = url, directory

    def environment(self, *keys: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TSUBAME_")}
        return kept | {
            "TSUBAME_DATABASE_URL": self._url,
            "TSUBAME_DATA_DIR": str(self._directory / "data"),
            "TSUBAME_ENCRYPTION_KEYS": ",".join(keys),
        }

    def run(
        self, verb: str, *keys: str, group: tuple[str, ...] = ("keys",)
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tsubame", *group, verb],
            capture_output=True, text=True, check=False, timeout=60,
            env=self.environment(*keys), cwd=self._directory,
        )  # fmt: skip

    @contextmanager
    def started(self, verb: str, *keys: str) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tsubame", "keys", verb],
            env=self.environment(*keys), cwd=self._directory,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    return Command(database_url, tmp_path)


async def test_killed_rotation_is_resumed(engine: AsyncEngine, command: Command) -> None:
    """閉じ直している途中で kill -9 しても全部が開き、もう一度動かせば終わる。"""
    await put(engine, OLD, *range(1, 301))
    async with engine.begin() as holding:
        # 二つ目のまとまりの途中で待たせ、そこで殺す
        await holding.execute(text("SELECT FROM credentials WHERE id = 150 FOR UPDATE"))
        with command.started("rotate", NEW, OLD) as process:

            async def waiting() -> bool:
                query = (
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
                async with engine.connect() as connection:
                    return bool((await connection.execute(text(query))).scalar_one())

            await eventually(waiting, "入れ替えが、鎖された行で待つ", 60)
            process.send_signal(signal.SIGKILL)
            process.wait()
    halfway = await opened(engine, NEW)
    assert {row for row, content in halfway.items() if content is not None} == set(range(1, 101))
    assert (await KeyRotation(engine, Keyring([NEW, OLD])).survey()).unreadable == []
    done = command.run("rotate", NEW, OLD)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        f"200 documents sealed anew with the key {fingerprint(NEW)}.",
    )
    assert await opened(engine, NEW) == {row: f"secret-{row}" for row in range(1, 301)}


async def test_check_and_abandon_commands(engine: AsyncEngine, command: Command) -> None:
    """点検は開けないものを挙げて 1 で終わり、あきらめると、起動できるようになって監査に残る。"""
    await check_keys(engine, Keyring([OLD]), "x")
    await put(engine, NEW, 1)
    await put(engine, OLD, 2)
    done = command.run("check", NEW)
    assert done.returncode == 1
    assert f"{fingerprint(NEW)}  seals and opens  1 documents" in done.stdout
    assert "CANNOT BE OPENED: credential 'cred-2' (#2)" in done.stdout
    with pytest.raises(LostKeyError):
        await check_keys(engine, Keyring([NEW]), "x")
    abandoned = command.run("abandon", NEW)
    assert (abandoned.returncode, abandoned.stdout) == (
        0,
        "Enter anew: credential 'cred-2' (#2)\n1 lost keys are given up.\n",
    )
    await check_keys(engine, Keyring([NEW]), "x")
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT details FROM audit_events WHERE action = 'keys.abandoned'")
        )
        assert found.scalar_one()["keys"] == [fingerprint(OLD)]


async def test_product_refuses_to_start_without_the_key(engine: AsyncEngine, command: Command) -> None:
    """鍵を失くしたまま起動すると、追跡の跡ではなく一文を言って 2 で終わる。"""
    await put(engine, OLD, 1)
    done = command.run("worker", NEW, group=())
    assert done.returncode == 2
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("tsubame: ")]
    assert "TSUBAME_ENCRYPTION_KEYS cannot open credential 'cred-1' (#1)" in sentence
