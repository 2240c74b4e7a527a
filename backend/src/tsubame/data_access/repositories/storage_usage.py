"""置き場の大きさを測る。"""

from typing import Any, Final

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.ids import JobId, Reach
from tsubame.business.storage.entities import ArchiveHealth, JobStorage, Sample, Usage
from tsubame.data_access.tables.storage import archive_health, storage_samples

_DAYS: Final = 31
_LARGEST: Final = 10
_SEEN: Final = "(CAST(:reach AS bigint[]) IS NULL OR project_id = ANY(CAST(:reach AS bigint[])))"
_SIZES: Final = text("""
SELECT coalesce((
    SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'log_chunks'::regclass
), 0)::bigint AS table_bytes,
(SELECT coalesce(sum(object_bytes), 0) FROM log_archives)::bigint AS archive_bytes
""")
# 実行の数とログの大きさは、対象の数だけ行が増えないよう別々に数えてから合わせる。
# ジョブのない実行も一組(0)。IS NOT DISTINCT FROM で合わせると、総当たりになる
_JOBS: Final = text(f"""
WITH runs AS (
    SELECT job_id, max(job_name) AS job_name, count(*) AS executions, count(pinned_at) AS pinned
    FROM executions WHERE {_SEEN} GROUP BY job_id
),
logs AS (
    SELECT e.job_id, sum(t.log_bytes)::bigint AS log_bytes, count(a.target_id) AS archived_logs,
           coalesce(sum(a.object_bytes), 0)::bigint AS archive_bytes,
           count(*) FILTER (
               WHERE t.log_bytes > 0 AND t.finished_at IS NOT NULL AND t.log_archived_at IS NULL
           ) AS waiting_logs
    FROM executions e JOIN targets t ON t.execution_id = e.id
    LEFT JOIN log_archives a ON a.target_id = t.id
    WHERE {_SEEN} GROUP BY e.job_id
)
SELECT runs.*, coalesce(log_bytes, 0) AS log_bytes, coalesce(archived_logs, 0) AS archived_logs,
       coalesce(archive_bytes, 0) AS archive_bytes, coalesce(waiting_logs, 0) AS waiting_logs
FROM runs LEFT JOIN logs ON coalesce(logs.job_id, 0) = coalesce(runs.job_id, 0)
ORDER BY log_bytes DESC, runs.job_id
""")


async def sizes(connection: AsyncConnection) -> tuple[int, int]:
    """表と、保管先の大きさ。"""
    row = (await connection.execute(_SIZES)).one()
    return row.table_bytes, row.archive_bytes


async def read_usage(connection: AsyncConnection, reach: Reach) -> Usage:
    seen = {"reach": None if reach is None else sorted(reach)}
    table_bytes, archive_bytes = await sizes(connection)
    rows = (await connection.execute(_JOBS, seen)).all()
    samples = await connection.execute(
        select(storage_samples).order_by(storage_samples.c.day.desc()).limit(_DAYS)
    )
    days = [Sample(row.day, row.table_bytes, row.archive_bytes) for row in samples]
    return Usage(
        table_bytes=table_bytes,
        archive_bytes=archive_bytes,
        executions=sum(row.executions for row in rows),
        pinned=sum(row.pinned for row in rows),
        archived_logs=sum(row.archived_logs for row in rows),
        log_bytes=sum(row.log_bytes for row in rows),
        waiting_logs=sum(row.waiting_logs for row in rows),
        days=tuple(reversed(days)),
        jobs=tuple(_job(row) for row in rows[:_LARGEST] if row.log_bytes > 0),
    )


def _job(row: Row[Any]) -> JobStorage:
    job_id, name = (None, "") if row.job_id is None else (JobId(row.job_id), row.job_name)
    return JobStorage(job_id, name, row.executions, row.log_bytes, row.archive_bytes)


async def read_health(connection: AsyncConnection) -> ArchiveHealth:
    row = (await connection.execute(select(archive_health))).one()
    return ArchiveHealth(
        row.location, row.last_pass_at, row.last_error, row.last_error_detail, row.last_error_at
    )
