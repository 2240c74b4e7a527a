"""何台もの構成: 一つの PostgreSQL、web、いくつもの worker。どれも本物の別プロセス。"""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.product import Product
from harness.waiting import eventually
from tsubame.data_access.db.embedded import EmbeddedPostgres
from tsubame.entrypoints.data_directory import new_encryption_key


class Web(Product):
    command = "web"


class WorkerProcess:
    """``tsubame worker`` 一つ。殺す、止める、凍らせる。"""

    def __init__(self, name: str, log_path: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log_path = log_path
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def said(self, words: str) -> bool:
        """``forget`` のあとに、そう記録したか。"""
        return words.encode() in self.log_path.read_bytes()[self._heard :]

    def forget(self) -> None:
        self._heard = self.log_path.stat().st_size

    def start(self) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("TSUBAME_")}
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tsubame", "worker"],
                env=inherited | self._environment,
                cwd=self.log_path.parent,
                stdout=log,
                stderr=log,
            )

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self._process is not None
        await asyncio.to_thread(self._process.wait)

    async def stop(self) -> float:
        """SIGTERM で静かに止め、かかった秒を返す。"""
        started = asyncio.get_running_loop().time()
        self.signal(signal.SIGTERM)
        assert self._process is not None
        await asyncio.to_thread(self._process.wait, 30)
        return asyncio.get_running_loop().time() - started

    def end(self) -> None:
        """後始末。凍っていても終わらせる。"""
        if self._process is not None and self.alive:
            self._process.kill()
            self._process.wait()


class Fleet:
    """``workers`` は起こした順。"""

    def __init__(self, root: Path) -> None:
        self.root = root
        # 確定を待たない設定にはしない。postmaster を殺しても、確定したものが残ることを見るため
        self.postgres = EmbeddedPostgres(root / "postgres", {"fsync": "off"})
        self.workers: list[WorkerProcess] = []
        self.web: Web
        self._environment: dict[str, str] = {}
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        url = await asyncio.to_thread(self.postgres.start_blocking)
        self._environment = {
            "TSUBAME_DATABASE_URL": url,
            "TSUBAME_DATA_DIR": str(self.root / "data"),
            "TSUBAME_ENCRYPTION_KEYS": new_encryption_key(),
        }
        self.web = Web(self.root / "data", **self._environment)
        await self.web.start()

    async def muster(self, client: httpx.AsyncClient, count: int, **environment: str) -> None:
        """働ける者を ``count`` 人にそろえ、名簿に載って心拍を打つまで待つ。死んだ者は入れ替える。"""
        self.workers = [worker for worker in self.workers if worker.alive]
        while len(self.workers) < count:
            name = f"worker-{next(self._numbers)}"
            worker = WorkerProcess(name, self.root / f"{name}.log", {**self._environment, **environment})
            self.workers.append(worker)
            worker.start()
        for worker in self.workers:
            await self.joined(client, worker)
            worker.forget()

    async def joined(self, client: httpx.AsyncClient, worker: WorkerProcess) -> None:
        async def fact() -> bool:
            row = await self.row(client, worker)
            return row is not None and row["vitals"] is not None

        await eventually(fact, f"{worker.name} が名簿に載る", 60)

    async def row(self, client: httpx.AsyncClient, worker: WorkerProcess) -> dict[str, object] | None:
        rows: list[dict[str, object]] = (await client.get("/workers")).json()["items"]
        return next((row for row in rows if row["pid"] == worker.pid), None)

    def end(self) -> None:
        for worker in self.workers:
            worker.end()
        with contextlib.suppress(AttributeError):
            self.web.stop()
        self.postgres.stop_blocking()


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """一つのファイルの試験が、順に使う。どの試験も ``muster`` で人をそろえてから始めること。"""
    # pytest の一時ディレクトリは親が 0700 で、root のとき postgres の利用者が入れない
    root = Path(tempfile.mkdtemp(prefix="tsubame-fleet-"))
    root.chmod(0o755)
    running = Fleet(root)
    try:
        asyncio.run(running.start())
        yield running
    finally:
        running.end()
        shutil.rmtree(root)
