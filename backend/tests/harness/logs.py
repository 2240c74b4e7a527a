"""ログの試験の部品: 実行と対象の行、権利を持った割り当て、素朴な答え。"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.masking import masker_of
from tsubame.business.executions.entities import Assignment, Lease, RunOrigin
from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.states import TargetState
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ExecutionId, ProjectId, TargetId, WorkerId
from tsubame.data_access.logstore.archiving import LogArchiver
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.logstore.objects import ObjectPlace, ObjectPlaces
from tsubame.data_access.logstore.reading import ChunkReader
from tsubame.data_access.system_clock import SystemClock

_ADD_EXECUTION = text(
    "INSERT INTO executions"
    " (project_id, job_name, spec, state, state_counts, target_count, requested_by_name)"
    " VALUES (1, '夜間/backup', '{}', 'running', '{}', 1, 'tester') RETURNING id"
)
_ADD_TARGET = text(
    "INSERT INTO targets (execution_id, server_name, position, state, run_id, lease_epoch, log_day)"
    " SELECT :execution_id, 'web-1', n, 'running', :execution_id || '-' || n, 1, :log_day"
    " FROM generate_series(1, :count) AS n RETURNING id"
)
_CLAIM = text(
    "UPDATE targets SET lease_epoch = lease_epoch + 1 WHERE id = :target_id"
    " RETURNING execution_id, lease_epoch, remote_bytes, log_bytes, log_newlines, log_open_line,"
    " log_line_head, log_marks, log_day"
)
_END = text("UPDATE targets SET state = 'succeeded', finished_at = now() WHERE id = :target_id")
_END_EXECUTION = text(
    "UPDATE executions SET state = 'succeeded', finished_at = now()"
    " WHERE id = (SELECT execution_id FROM targets WHERE id = :target_id)"
)
_SPEC = ScriptSpec(script="true", interpreter=None, env=(), working_directory=None, timeout_s=None)


async def add_targets(engine: AsyncEngine, count: int, log_day: date = date(2026, 11, 24)) -> list[TargetId]:
    async with engine.begin() as connection:
        execution_id = (await connection.execute(_ADD_EXECUTION)).scalar_one()
        values = {"execution_id": execution_id, "count": count, "log_day": log_day}
        return [TargetId(row.id) for row in await connection.execute(_ADD_TARGET, values)]


async def claim(engine: AsyncEngine, target_id: TargetId, max_log_bytes: int | None = None) -> Assignment:
    """引き継ぐ。前の持ち主は、もう書けない。"""
    async with engine.begin() as connection:
        row = (await connection.execute(_CLAIM, {"target_id": target_id})).one()
    return Assignment(
        lease=Lease(target_id, ExecutionId(row.execution_id), WorkerId(1), row.lease_epoch),
        origin=RunOrigin(ProjectId(1), None, "test", None, "test"),
        state=TargetState.RUNNING,
        run_id=f"run-{target_id}",
        spec=replace(_SPEC, max_log_bytes=max_log_bytes),
        server_id=None,
        remote_bytes=row.remote_bytes,
        log_bytes=row.log_bytes,
        log_newlines=row.log_newlines,
        log_open_line=row.log_open_line,
        log_line_head=row.log_line_head,
        log_marks=row.log_marks,
        log_day=row.log_day,
        started_at=None,
        cancel_requested=False,
    )


@dataclass(frozen=True)
class Naive:
    """一行ずつ素朴に数えた答え。"""

    rows: list[bytes]

    @classmethod
    def of(cls, log: bytes) -> "Naive":
        rows = log.split(b"\n")
        return cls([row + b"\n" for row in rows[:-1]] + ([rows[-1]] if rows[-1] else []))

    def lines(self, first: int, count: int, most: int) -> tuple[bytes, int, int]:
        """(中身, 行の数, 最初の行の位置)。"""
        picked = self.rows[first - 1 : first - 1 + count]
        cut = [row[:most] + row[max(most, len(row) - row.endswith(b"\n")) :] for row in picked]
        return b"".join(cut), len(picked), sum(map(len, self.rows[: first - 1]))


@dataclass
class LogRoom:
    """一つのデータベースの上の、ログを書く側と読む側。"""

    url: str
    engine: AsyncEngine
    archive_location: str | None = None

    @property
    def places(self) -> ObjectPlaces:
        return ObjectPlaces(self.archive_location)

    @property
    def place(self) -> ObjectPlace:
        assert self.archive_location is not None
        return ObjectPlace(self.archive_location)

    @property
    def reader(self) -> ChunkReader:
        return ChunkReader(self.engine, self.places)

    @property
    def archiver(self) -> LogArchiver:
        return LogArchiver(self.engine, self.places)

    async def settle(self, target_id: TargetId) -> None:
        """書き終えた対象を、この部屋のやり方で落ち着かせる。保管先があれば、そこへ移す。"""
        if self.archive_location is not None:
            await self.end(target_id)
            await self.archiver.archive(target_id)

    async def end(self, target_id: TargetId) -> None:
        """対象と、その実行を終わらせる。"""
        async with self.engine.begin() as connection:
            await connection.execute(_END, {"target_id": target_id})
            await connection.execute(_END_EXECUTION, {"target_id": target_id})

    async def target(self) -> TargetId:
        return (await add_targets(self.engine, 1))[0]

    @contextlib.asynccontextmanager
    async def writer(
        self, store: ChunkStore | None = None, clock: Clock | None = None
    ) -> AsyncIterator[LogWriter]:
        """書く係。抜けると、書きかけのものごと捨てる(プロセスが死んだときと同じ)。"""
        store = store or ChunkStore(self.url, self.engine)
        writer = LogWriter(store, clock or SystemClock())
        running = asyncio.create_task(writer.run(), name="log-writer")
        try:
            yield writer
        finally:
            running.cancel()
            ended = await asyncio.gather(running, return_exceptions=True)
            await store.close()
            assert isinstance(ended[0], asyncio.CancelledError), ended

    async def write(
        self, data: bytes, secrets: Sequence[str] = (), max_log_bytes: int | None = None
    ) -> TargetId:
        """新しい対象に ``data`` を全部書く。"""
        target_id = await self.target()
        async with self.writer() as writer:
            assignment = await claim(self.engine, target_id, max_log_bytes)
            stream = writer.open(assignment, masker_of(secrets))
            await stream.write(data)
            await stream.finish()
        await self.settle(target_id)
        return target_id

    async def read(self, target_id: TargetId) -> bytes:
        extent = await self.reader.extent(target_id)
        return b"".join([part async for part in self.reader.read(target_id, 0, extent.bytes)])
