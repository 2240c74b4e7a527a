"""保管と保存期間の、実行とログの行の側。"""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.errors import ExecutionNotFoundError
from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.ids import ExecutionId, JobId, Reach, TargetId
from tsubame.business.storage.entities import (
    ArchiveHealth,
    Deletion,
    JobLoss,
    Loss,
    Pin,
    Preview,
    StoredPolicy,
    Usage,
)
from tsubame.data_access.repositories.retention_rules import EXPIRED, POLICY, parameters, ruling
from tsubame.data_access.repositories.storage_usage import read_health, read_usage, sizes
from tsubame.data_access.tables.executions import executions
from tsubame.data_access.tables.storage import archive_health

# 月が変わってもしばらくは、前の月の日付の対象がこれから作られうる(時計のずれ)
_MONTH_SLACK: Final = timedelta(days=2)
_LOCK_NOT_AVAILABLE: Final = "55P03"

_PREVIEW: Final = text(f"""
WITH {EXPIRED},
kept AS (
    SELECT t.id, t.execution_id, t.log_day, t.log_bytes, coalesce(a.object_bytes, 0) AS archive_bytes
    FROM expired JOIN targets t ON t.execution_id = expired.id LEFT JOIN log_archives a ON a.target_id = t.id
),
chunks AS (
    SELECT coalesce(sum(octet_length(c.frame)), 0)::bigint AS bytes
    FROM kept JOIN log_chunks c ON c.log_day = kept.log_day AND c.target_id = kept.id
),
each AS (
    SELECT count(*) AS logs, coalesce(sum(log_bytes), 0)::bigint AS log_bytes,
           coalesce(sum(archive_bytes), 0)::bigint AS archive_bytes
    FROM kept
)
SELECT (SELECT count(*) FROM expired) AS executions, each.*, chunks.bytes AS table_bytes,
       (SELECT min(finished_at) FROM expired) AS oldest, (SELECT max(finished_at) FROM expired) AS newest
FROM each, chunks
""")
_PREVIEW_JOBS: Final = text(f"""
WITH {EXPIRED}
SELECT expired.job_id, CASE WHEN expired.job_id IS NULL THEN '' ELSE max(expired.job_name) END AS job_name,
       count(DISTINCT expired.id) AS executions, coalesce(sum(t.log_bytes), 0)::bigint AS log_bytes
FROM expired LEFT JOIN targets t ON t.execution_id = expired.id
GROUP BY expired.job_id ORDER BY executions DESC, job_name LIMIT 10
""")
_EXPIRED: Final = text(f"WITH {EXPIRED} SELECT id FROM expired LIMIT :limit")
# 選んでから鎖すまでに、印が付いたり、もう一度動き出したりしうる
_LOCK: Final = text("""
SELECT id FROM executions
WHERE id = ANY(CAST(:ids AS bigint[])) AND finished_at IS NOT NULL AND pinned_at IS NULL
FOR UPDATE SKIP LOCKED
""")
_MEASURE: Final = text("""
SELECT count(*) AS logs, coalesce(sum(t.log_bytes), 0)::bigint AS log_bytes,
       coalesce(sum(a.object_bytes), 0)::bigint AS archive_bytes
FROM targets t LEFT JOIN log_archives a ON a.target_id = t.id
WHERE t.execution_id = ANY(CAST(:ids AS bigint[]))
""")
_NOTE_OBJECTS: Final = text(r"""
INSERT INTO stray_objects (location, object_key)
SELECT a.location, key
FROM targets t JOIN log_archives a ON a.target_id = t.id,
     unnest(ARRAY[a.object_key, regexp_replace(a.object_key, '\.zst$', '.index.zst')]) AS key
WHERE t.execution_id = ANY(CAST(:ids AS bigint[]))
ON CONFLICT DO NOTHING
""")
_DELETE_CHUNKS: Final = text("""
WITH gone AS (
    DELETE FROM log_chunks c USING targets t
    WHERE t.execution_id = ANY(CAST(:ids AS bigint[])) AND c.log_day = t.log_day AND c.target_id = t.id
    RETURNING octet_length(c.frame) AS bytes
)
SELECT coalesce(sum(bytes), 0) FROM gone
""")
_DELETE_EXECUTIONS: Final = text("DELETE FROM executions WHERE id = ANY(CAST(:ids AS bigint[]))")
_TO_ARCHIVE: Final = text(f"""
WITH {POLICY}
SELECT t.id FROM targets t JOIN executions e ON e.id = t.execution_id
JOIN LATERAL ({ruling("e.job_id", "e.project_id")}) r ON true
WHERE t.finished_at IS NOT NULL AND t.log_archived_at IS NULL
    AND t.finished_at <= :latest AND NOT (t.id = ANY(CAST(:without AS bigint[])))
    AND t.finished_at <= CAST(:now AS timestamptz) - make_interval(days => r.archive_after_days)
ORDER BY t.finished_at LIMIT :limit
""")
_MONTHS: Final = text("""
SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'log_chunks'::regclass ORDER BY c.relname
""")
_STILL_USED: Final = text("""
SELECT EXISTS (
    SELECT FROM targets WHERE state IN ('queued', 'starting', 'running', 'disconnected') AND log_day < :end
)
""")
_SAMPLE: Final = text("""
INSERT INTO storage_samples (day, table_bytes, archive_bytes) VALUES (:day, :table_bytes, :archive_bytes)
ON CONFLICT (day) DO UPDATE SET table_bytes = excluded.table_bytes, archive_bytes = excluded.archive_bytes
""")


class SqlStorageRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def usage(self, reach: Reach) -> Usage:
        return await read_usage(self._connection, reach)

    async def health(self) -> ArchiveHealth:
        return await read_health(self._connection)

    async def preview(self, policies: Sequence[StoredPolicy], now: datetime, reach: Reach) -> Preview:
        values = {**parameters(policies), "now": now, "reach": None if reach is None else sorted(reach)}
        row = (await self._connection.execute(_PREVIEW, values)).one()
        jobs = await self._connection.execute(_PREVIEW_JOBS, values)
        return Preview(
            loss=Loss(row.executions, row.logs, row.log_bytes, row.table_bytes, row.archive_bytes),
            oldest=row.oldest,
            newest=row.newest,
            jobs=tuple(
                JobLoss(
                    None if job.job_id is None else JobId(job.job_id),
                    job.job_name,
                    job.executions,
                    job.log_bytes,
                )
                for job in jobs
            ),
        )

    async def delete_expired(self, policies: Sequence[StoredPolicy], now: datetime, limit: int) -> Deletion:
        values = {**parameters(policies), "now": now, "limit": limit, "reach": None}
        chosen = [row.id for row in await self._connection.execute(_EXPIRED, values)]
        locked = await self._connection.execute(_LOCK, {"ids": chosen})
        ids = {"ids": [row.id for row in locked]}
        if not ids["ids"]:
            return Deletion(Loss(), (), more=False)
        measured = (await self._connection.execute(_MEASURE, ids)).one()
        await self._connection.execute(_NOTE_OBJECTS, ids)
        table_bytes = (await self._connection.execute(_DELETE_CHUNKS, ids)).scalar_one()
        await self._connection.execute(_DELETE_EXECUTIONS, ids)
        return Deletion(
            loss=Loss(
                len(ids["ids"]), measured.logs, measured.log_bytes, int(table_bytes), measured.archive_bytes
            ),
            execution_ids=[ExecutionId(number) for number in ids["ids"]],
            more=len(chosen) == limit,
        )

    async def to_archive(
        self, policies: Sequence[StoredPolicy], now: datetime, limit: int, without: Collection[TargetId]
    ) -> list[TargetId]:
        days = [
            stored.policy.archive_after_days
            for stored in policies
            if stored.policy.archive_after_days is not None
        ]
        if not days:
            return []
        values = {
            **parameters(policies),
            "now": now,
            "latest": now - timedelta(days=min(days)),
            "limit": limit,
            "without": list(without),
        }
        return [TargetId(row.id) for row in await self._connection.execute(_TO_ARCHIVE, values)]

    async def drop_empty_months(self, now: datetime) -> list[str]:
        names = [row.name for row in await self._connection.execute(_MONTHS)]
        today = (now - _MONTH_SLACK).astimezone(UTC).date()
        dropped = []
        for name in names:
            end = _month_end(name)
            if end <= today and await self._drop_if_empty(name, end):
                dropped.append(name)
        return dropped

    async def _drop_if_empty(self, name: str, end: date) -> bool:
        """書き手は、その日に始まった対象の月にしか書かない。終わっていない対象がなければ、もう増えない。"""
        if (await self._connection.execute(_STILL_USED, {"end": end})).scalar_one():
            return False
        filled = text(f"SELECT EXISTS (SELECT FROM {name})")
        if (await self._connection.execute(filled)).scalar_one():
            return False
        try:
            async with self._connection.begin_nested():
                # 親の表も鎖すので、書き手を待たせる。すぐ取れなければ、次の回に
                await self._connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
                await self._connection.execute(text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
                if (await self._connection.execute(filled)).scalar_one():
                    return False
                await self._connection.execute(text(f"DROP TABLE {name}"))
        except OperationalError as exc:
            if getattr(exc.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            return False
        return True

    async def set_pin(self, execution_id: ExecutionId, pin: Pin | None) -> bool:
        statement = update(executions).where(executions.c.id == execution_id)
        if pin is None:
            statement = statement.where(executions.c.pinned_at.is_not(None)).values(
                pinned_at=None, pinned_by_name=None
            )
        else:
            statement = statement.where(executions.c.pinned_at.is_(None)).values(
                pinned_at=pin.at, pinned_by_name=pin.by_name
            )
        changed = await self._connection.execute(statement.returning(executions.c.id))
        if changed.scalar_one_or_none() is not None:
            return True
        exists = text("SELECT EXISTS (SELECT FROM executions WHERE id = :id)")
        if not (await self._connection.execute(exists, {"id": execution_id})).scalar_one():
            raise ExecutionNotFoundError(f"There is no execution {execution_id}.")
        return False

    async def take_sample(self, now: datetime) -> None:
        table_bytes, archive_bytes = await sizes(self._connection)
        await self._connection.execute(
            _SAMPLE,
            {"day": now.astimezone(UTC).date(), "table_bytes": table_bytes, "archive_bytes": archive_bytes},
        )

    async def report_pass(self, location: str | None, now: datetime, error: UnavailableError | None) -> None:
        failed: dict[str, object] = {"last_error": None, "last_error_detail": "", "last_error_at": None}
        if error is not None:
            failed = {"last_error": error.code, "last_error_detail": error.detail, "last_error_at": now}
        await self._connection.execute(
            update(archive_health).values(location=location, last_pass_at=now, **failed)
        )


def _month_end(partition: str) -> date:
    """``log_chunks_2026_11`` → 2026-12-01。"""
    year, month = (int(part) for part in partition.rsplit("_", 2)[-2:])
    return date(year + month // 12, month % 12 + 1, 1)
