"""順番を決める SQL。"""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.admission import Decision, Turn
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.repositories.contenders import CONTENDERS, TURN

_LOCK: Final = 0x7473_0001
"""決める者を一人にする、助言的な鎖の番号。"""

# 鎖と決定は別の文にする。一つの文では、鎖を取る前の姿を見て決めてしまう
_TAKE_TURN: Final = text(f"""
SELECT pg_try_advisory_xact_lock({_LOCK}) AS mine,
       EXISTS (SELECT FROM executions WHERE finished_at IS NULL AND entered_at IS NULL) AS doors_closed
""")

# 行は待たずに鎖す(SKIP LOCKED)。中止や置き換えは何本もの実行を鎖すので、待つとにらみ合う。
# 飛ばした行は、鎖した者が終わりに送る合図で、もう一度見る
_OPEN_DOORS: Final = text(f"""
WITH outside AS (
    SELECT e.id, e.job_id, jobs.concurrency_limit,
           row_number() OVER (PARTITION BY e.job_id ORDER BY {TURN}, e.id) AS place
    FROM executions e LEFT JOIN jobs ON jobs.id = e.job_id
    WHERE e.finished_at IS NULL AND e.entered_at IS NULL
      AND e.paused_at IS NULL AND e.cancel_requested_at IS NULL
),
chosen AS (
    SELECT e.id FROM executions e JOIN outside ON outside.id = e.id
    WHERE outside.concurrency_limit IS NULL
       OR outside.place <= outside.concurrency_limit - (
           SELECT count(*) FROM executions other
           WHERE other.job_id = outside.job_id AND other.finished_at IS NULL AND other.entered_at IS NOT NULL
       )
    FOR UPDATE OF e SKIP LOCKED
)
UPDATE executions SET entered_at = :at FROM chosen WHERE executions.id = chosen.id
""")

# 空きのない相手の対象を先に除き、残りを上限ごとに並べ、どの並びでも空きの内に入るものだけを始める。
# 先頭の対象はどの並びでも一番なので、空きがある限り必ず一つは進む。
# 前の者が別の上限で落ちて空いた場所は、次の一巡りで埋まる
_ADMIT: Final = text(f"""
WITH {CONTENDERS},
eligible AS (
    SELECT *, row_number() OVER (ORDER BY turn, execution_id, position) AS place FROM live
    WHERE NOT inside AND is_moving AND wave_is_open AND (not_before IS NULL OR not_before <= :at)
      AND (execution_free IS NULL OR execution_free > 0)
      AND (server_free IS NULL OR server_free > 0)
      AND (project_free IS NULL OR project_free > 0)
),
ranked AS (
    SELECT *,
           row_number() OVER (PARTITION BY execution_id ORDER BY place) AS in_execution,
           row_number() OVER (PARTITION BY server_id ORDER BY place) AS in_server,
           row_number() OVER (PARTITION BY project_id ORDER BY place) AS in_project
    FROM eligible
),
fitting AS MATERIALIZED (
    SELECT id, place FROM ranked
    WHERE place <= (SELECT free FROM everything)
      AND (execution_free IS NULL OR in_execution <= execution_free)
      AND (server_free IS NULL OR in_server <= server_free)
      AND (project_free IS NULL OR in_project <= project_free)
),
held AS MATERIALIZED (
    SELECT id FROM targets
    WHERE id = ANY (ARRAY(SELECT id FROM fitting)) AND state = 'queued' AND admitted_at IS NULL
    FOR UPDATE SKIP LOCKED
),
marked AS (
    UPDATE targets SET admitted_at = :at WHERE id = ANY (ARRAY(SELECT id FROM held)) RETURNING id
)
SELECT (SELECT count(*) FROM eligible) AS eligible,
       ARRAY(SELECT id FROM fitting ORDER BY place) AS in_order,
       ARRAY(SELECT id FROM marked) AS marked
""")


class SqlAdmissionRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take_turn(self) -> Turn:
        row = (await self._connection.execute(_TAKE_TURN)).one()
        return Turn(mine=row.mine, doors_closed=row.doors_closed)

    async def open_doors(self, at: datetime) -> None:
        await self._connection.execute(_OPEN_DOORS, {"at": at})

    async def admit(self, at: datetime) -> Decision:
        row = (await self._connection.execute(_ADMIT, {"at": at})).one()
        marked = frozenset(row.marked)
        admitted = tuple(TargetId(target_id) for target_id in row.in_order if target_id in marked)
        return Decision(admitted=admitted, eligible=row.eligible)
