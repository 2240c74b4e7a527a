"""postgres を直接の子として動かし、死んだら起こし直し、自分が死んだら一緒に終わらせる。

Ctrl-C が postgres に届かないように別セッションで動かす。自分が `kill -9` されても残らないように、
`/bin/sh` の見張り番が管の EOF(= 自分の死)で SIGINT(fast shutdown)を送る。
"""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tsubame.data_access.db.postgres_binaries import EmbeddedPostgresError
from tsubame.data_access.db.postgres_cluster import PostgresCluster

# 1 台の機械の小さなプロセス木に合わせた大きさ。耐久性(fsync, synchronous_commit)は緩めない
DEFAULTS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # 文ごとの ERROR は呼んだ側が記録する。ここには起動・復旧・致命だけを残し、際限なく太らせない
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "logging_collector": "off",
}
_POLL_SECONDS = 0.01
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 5.0
_STEADY_SECONDS = 10.0
_REVIVE_SECONDS = 60.0
_GUARD_SECONDS = 10.0
_LONGEST_LOG = 10_000_000
_GUARD = 'read _ || kill -INT "$1"'

_log = logging.getLogger(__name__)


class PostgresServer:
    def __init__(self, cluster: PostgresCluster, settings: Mapping[str, str]) -> None:
        """`settings` は `-c name=value` として渡す。postgresql.conf は書き換えない。"""
        self._cluster = cluster
        self._settings = {**DEFAULTS, **settings}
        # 「止めると決めた」と「起こす」が行き違わないように
        self._gate = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._halt = threading.Event()
        self._guard: subprocess.Popen[bytes] | None = None
        self._alive = -1

    @property
    def pid(self) -> int:
        if self._process is None:
            raise EmbeddedPostgresError("PostgreSQL is not running.")
        return self._process.pid

    def start(self, deadline: float) -> None:
        """起動して、接続を受けられるまで待つ。`deadline` は time.monotonic() の値。"""
        self._halt.clear()
        self._rotate_log()
        self._clear_leftover()
        self._process = self._spawn()
        try:
            self._wait_ready(self._process, deadline)
        except EmbeddedPostgresError:
            self.stop()
            raise
        self._watcher = threading.Thread(target=self._watch, name="postgres-watcher", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """終了要求(fast shutdown)で終わらせ、終わったことを見届ける。何度呼んでもよい。"""
        with self._gate:
            self._halt.set()
            process = self._process
            if process is None:
                return
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)  # immediate: 次の起動で WAL から復旧する
            process.wait(30)
        if self._watcher is not None:
            self._watcher.join(10)
        self._release_guard()
        self._process = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        cluster = self._cluster
        command = [cluster.binaries.path("postgres"), "-D", str(cluster.data), "-k", str(cluster.sockets)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with cluster.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  引数はすべて自分で組み立てた物
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=cluster.environment(),
                cwd=cluster.root, start_new_session=True, **cluster.user.popen,
            )  # fmt: skip
        # 書く側はこのプロセスだけが持つ(close-on-exec)。EOF は、持ち主が消えたことを意味する
        reader, self._alive = os.pipe()
        self._guard = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _GUARD, "tsubame-postgres-guard", str(process.pid)],
            stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, cwd="/", **cluster.user.popen,
        )  # fmt: skip
        os.close(reader)
        return process

    def _release_guard(self) -> None:
        """見張り番を、合図を送らせずに帰す。終わった pid が別のプロセスに使い回される前に。"""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        with contextlib.suppress(BrokenPipeError):  # 見張り番が先に殺されていた
            os.write(self._alive, b"\n")
        os.close(self._alive)
        guard.wait(_GUARD_SECONDS)

    def _wait_ready(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while True:
            found = self._cluster.server_file()
            if found is not None and found.ready and found.pid == process.pid:
                return
            if process.poll() is not None:
                tail = self._cluster.log.read_text(encoding="utf-8", errors="replace")[-800:].strip()
                raise EmbeddedPostgresError(f"PostgreSQL did not start ({self._cluster.log}): {tail}")
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL is not ready in time; see {self._cluster.log}.")
            self._halt.wait(_POLL_SECONDS)

    def _watch(self) -> None:
        """殺された postmaster を起こし直す。バックエンドは postmaster の死を知って自分で終わる。"""
        delay, started = _FIRST_DELAY, time.monotonic()
        while (process := self._process) is not None:
            process.wait()
            self._release_guard()
            # 起きてすぐ死ぬ間は間隔を広げ、しばらく動いた後の死はすぐ起こす
            steady = time.monotonic() - started > _STEADY_SECONDS
            delay = _FIRST_DELAY if steady else min(delay * 2, _LONGEST_DELAY)
            if not self._halt.is_set():
                _log.warning("postgres ended with status %s; starting it again", process.returncode)
            # 残ったバックエンドが共有メモリを手放すまで postgres は起動を断る。少し待って試し直す
            if self._halt.wait(delay):
                return
            started = time.monotonic()
            self._revive()

    def _revive(self) -> None:
        with self._gate:
            if self._halt.is_set():
                return
            try:
                process = self._process = self._spawn()
            except OSError as exc:  # プロセスや fd が足りない。空いた頃にまた試す
                _log.warning("postgres could not be started: %s", exc)
                return
        try:
            self._wait_ready(process, time.monotonic() + _REVIVE_SECONDS)
        except EmbeddedPostgresError as exc:
            _log.warning("postgres is not back yet: %s", exc)
            return
        _log.warning("postgres is serving again")

    def _clear_leftover(self) -> None:
        """前の持ち主が殺された後の postgres を終わらせ、古い鍵ファイルを片づける。

        flock を握って呼ぶので、正しい持ち主の postgres を止めることはない。pid は機械の再起動後に
        別のプロセスへ使い回されるので、名前を確かめてから止める。
        """
        found = self._cluster.server_file()
        if found is not None and _is_postgres_of(found.pid, self._cluster.data):
            self._cluster.run("pg_ctl", "-D", str(self._cluster.data), "-m", "fast", "-w", "-t", "60", "stop")
        (self._cluster.data / "postmaster.pid").unlink(missing_ok=True)
        (self._cluster.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _rotate_log(self) -> None:
        log = self._cluster.log
        if log.exists() and log.stat().st_size > _LONGEST_LOG:
            log.replace(log.with_suffix(".log.1"))


def _is_postgres_of(pid: int, data: Path) -> bool:
    command = Path(f"/proc/{pid}/cmdline")
    try:
        if command.parent.parent.joinpath("self").exists():
            words = command.read_bytes()
        else:  # macOS には /proc がない
            words = subprocess.run(  # noqa: S603
                ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False, timeout=10
            ).stdout
    except OSError:
        return False
    return b"postgres" in words and os.fsencode(data) in words
