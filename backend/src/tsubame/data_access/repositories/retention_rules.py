"""決まりを実行に当てはめる SQL の部品。消すときと試しに数えるときが、同じものを使う。"""

from collections.abc import Sequence
from typing import Final

from tsubame.business.storage.entities import Scope, StoredPolicy

POLICY: Final = """
policy AS (
    SELECT * FROM unnest(
        CAST(:project_ids AS bigint[]), CAST(:job_ids AS bigint[]),
        CAST(:archive_after_days AS int[]), CAST(:keep_days AS int[]), CAST(:keep_executions AS int[])
    ) AS p (project_id, job_id, archive_after_days, keep_days, keep_executions)
)
"""


def ruling(job_id: str, project_id: str) -> str:
    """そのジョブとプロジェクトに効く、いちばん狭い決まり。"""
    return f"""
    SELECT p.archive_after_days, p.keep_days, p.keep_executions FROM policy p
    WHERE p.job_id = {job_id}
        OR (p.job_id IS NULL AND (p.project_id = {project_id} OR p.project_id IS NULL))
    ORDER BY p.job_id IS NULL, p.project_id IS NULL LIMIT 1
    """


# 終わっていて、印がなく、どちらの約束も残すと言わないもの
_GONE: Final = """
    e.finished_at IS NOT NULL AND e.pinned_at IS NULL
    AND (l.keep_days IS NULL
         OR e.finished_at < CAST(:now AS timestamptz) - make_interval(days => l.keep_days))
    AND (l.keep_executions IS NULL OR e.id < l.last_kept)
"""
_COUNTED: Final = "e.finished_at IS NOT NULL AND e.pinned_at IS NULL"

# ジョブのない実行(その場の命令、消されたジョブ)は、プロジェクトごとに一つの組とみなす。
# 組ごとに索引をたどるので、何百万の実行を並べ替えずに済む
EXPIRED: Final = f"""
{POLICY},
owner AS (
    SELECT job_id, project_id
    FROM (SELECT id AS job_id, project_id FROM jobs UNION ALL SELECT NULL, id FROM projects) AS everyone
    WHERE CAST(:reach AS bigint[]) IS NULL OR project_id = ANY(CAST(:reach AS bigint[]))
),
ruled AS (
    SELECT o.job_id, o.project_id, r.keep_days, r.keep_executions
    FROM owner o JOIN LATERAL ({ruling("o.job_id", "o.project_id")}) r ON true
    WHERE r.keep_days IS NOT NULL OR r.keep_executions IS NOT NULL
),
limited AS (
    SELECT l.*, last.id AS last_kept
    FROM ruled l LEFT JOIN LATERAL (
        (SELECT e.id FROM executions e WHERE e.job_id = l.job_id AND {_COUNTED}
         ORDER BY e.id DESC OFFSET l.keep_executions - 1 LIMIT 1)
        UNION ALL
        (SELECT e.id FROM executions e
         WHERE l.job_id IS NULL AND e.job_id IS NULL AND e.project_id = l.project_id AND {_COUNTED}
         ORDER BY e.id DESC OFFSET l.keep_executions - 1 LIMIT 1)
    ) last ON l.keep_executions IS NOT NULL
),
expired AS (
    SELECT e.id, e.job_id, e.job_name, e.finished_at
    FROM limited l JOIN LATERAL (
        SELECT * FROM executions e WHERE e.job_id = l.job_id AND {_GONE}
        UNION ALL
        SELECT * FROM executions e
        WHERE l.job_id IS NULL AND e.job_id IS NULL AND e.project_id = l.project_id AND {_GONE}
    ) e ON true
)
"""


def parameters(policies: Sequence[StoredPolicy]) -> dict[str, object]:
    return {
        "project_ids": [
            stored.place.id if stored.place.scope is Scope.PROJECT else None for stored in policies
        ],
        "job_ids": [stored.place.id if stored.place.scope is Scope.JOB else None for stored in policies],
        "archive_after_days": [stored.policy.archive_after_days for stored in policies],
        "keep_days": [stored.policy.keep_days for stored in policies],
        "keep_executions": [stored.policy.keep_executions for stored in policies],
    }
