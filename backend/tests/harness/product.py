"""製品そのもの(``python -m tsubame …``)を、別のプロセスとして動かす。"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import httpx

from harness.waiting import eventually

ADMIN = ("admin", "correct horse battery")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """一つの設置。データ置き場は ``kill`` しても残り、``start`` で続きから動く。"""

    command: ClassVar[str] = "up"

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log_path = data_dir.with_name(data_dir.name + ".log")
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """端末に出した全部(起こし直しても続きに足す)。"""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    async def start(self, *, seconds: float = 60) -> float:
        """起こし、使えるようになるまで待つ。かかった秒を返す。"""
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TSUBAME_")},
            "TSUBAME_DATA_DIR": str(self.data_dir),
            "TSUBAME_PORT": str(self.port),
            "TSUBAME_ADMIN_USERNAME": ADMIN[0],
            "TSUBAME_ADMIN_PASSWORD": ADMIN[1],
            **self._environment,
        }
        environment = {key: value for key, value in environment.items() if value}
        with self.log_path.open("ab") as log:
            # どの試験のイベントループにも結び付けない。一つの製品を、いくつもの試験で使うため
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tsubame", self.command],
                env=environment,
                cwd=self.data_dir.parent,
                stdout=log,
                stderr=log,
            )
        return await self.wait_ready(seconds)

    async def wait_ready(self, seconds: float = 60) -> float:
        return await eventually(self._ready, f"製品が使えるようになる\n{self.output[-3000:]}", seconds)

    async def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.output[-3000:]
        async with httpx.AsyncClient(base_url=self.base_url) as client:
            with contextlib.suppress(httpx.TransportError):
                return (await client.get("/readyz")).status_code == httpx.codes.OK
        return False

    async def kill(self) -> None:
        """SIGKILL。後始末の機会を与えない。"""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(self._process.wait)

    def stop(self) -> float:
        """SIGTERM で静かに止め、かかった秒を返す。"""
        assert self._process is not None
        started = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
        return time.monotonic() - started

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """管理者として入った HTTP の客。"""
        async with httpx.AsyncClient(base_url=f"{self.base_url}/api/v1", timeout=60) as client:
            answer = await client.post("/auth/login", json={"username": ADMIN[0], "password": ADMIN[1]})
            assert answer.status_code == httpx.codes.OK, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client
