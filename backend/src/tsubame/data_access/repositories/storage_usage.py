"""置き場の大きさを測る。"""

from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.ids import JobId, Reach
from tsubame.business.storage.entities import ArchiveHealth, JobStorage, Sample, Usage
from tsubame.data_access.tables.storage import archive_health, storage_samples

_DAYS: Final = 31
_SEEN: Final = "(CAST(:reach AS bigint[]) IS NULL OR project_id = ANY(CAST(:reach AS bigint[])))"
_SIZES: Final = text("""
SELECT coalesce((
    SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'log_chunks'::regclass
), 0)::bigint AS table_bytes,
(SELECT coalesce(sum(object_bytes), 0) FROM log_archives)::bigint AS archive_bytes
""")
_COUNTS: Final = text(f"""
WITH seen AS (SELECT id, pinned_at FROM executions WHERE {_SEEN})
SELECT (SELECT count(*) FROM seen) AS executions,
       (SELECT count(*) FROM seen WHERE pinned_at IS NOT NULL) AS pinned,
       (
           SELECT count(*) FROM log_archives a
           WHERE CAST(:reach AS bigint[]) IS NULL
               OR EXISTS (
                   SELECT FROM targets t JOIN seen ON seen.id = t.execution_id WHERE t.id = a.target_id
               )
       ) AS archived_logs,
       coalesce(sum(log_bytes), 0)::bigint AS log_bytes,
       count(*) FILTER (
           WHERE log_bytes > 0 AND finished_at IS NOT NULL AND log_archived_at IS NULL
       ) AS waiting_logs
FROM targets WHERE CAST(:reach AS bigint[]) IS NULL OR execution_id IN (SELECT id FROM seen)
""")
_JOBS: Final = text(f"""
SELECT e.job_id, CASE WHEN e.job_id IS NULL THEN '' ELSE max(e.job_name) END AS job_name,
       count(DISTINCT e.id) AS executions, sum(t.log_bytes)::bigint AS log_bytes,
       coalesce(sum(a.object_bytes), 0)::bigint AS archive_bytes
FROM executions e JOIN targets t ON t.execution_id = e.id LEFT JOIN log_archives a ON a.target_id = t.id
WHERE {_SEEN}
GROUP BY e.job_id HAVING sum(t.log_bytes) > 0 ORDER BY log_bytes DESC LIMIT 10
""")


async def sizes(connection: AsyncConnection) -> tuple[int, int]:
    """表と、保管先の大きさ。"""
    row = (await connection.execute(_SIZES)).one()
    return row.table_bytes, row.archive_bytes


async def read_usage(connection: AsyncConnection, reach: Reach) -> Usage:
    seen = {"reach": None if reach is None else sorted(reach)}
    table_bytes, archive_bytes = await sizes(connection)
    counts = (await connection.execute(_COUNTS, seen)).mappings().one()
    samples = await connection.execute(
        select(storage_samples).order_by(storage_samples.c.day.desc()).limit(_DAYS)
    )
    days = [Sample(row.day, row.table_bytes, row.archive_bytes) for row in samples]
    jobs = [
        JobStorage(
            None if row.job_id is None else JobId(row.job_id),
            row.job_name,
            row.executions,
            row.log_bytes,
            row.archive_bytes,
        )
        for row in await connection.execute(_JOBS, seen)
    ]
    return Usage(
        table_bytes=table_bytes,
        archive_bytes=archive_bytes,
        **counts,
        days=tuple(reversed(days)),
        jobs=tuple(jobs),
    )


async def read_health(connection: AsyncConnection) -> ArchiveHealth:
    row = (await connection.execute(select(archive_health))).one()
    return ArchiveHealth(
        row.location, row.last_pass_at, row.last_error, row.last_error_detail, row.last_error_at
    )
