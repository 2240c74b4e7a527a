"""場所を取り合う対象と、残っている空き。順番を決める SQL と、待つわけを言う SQL が同じものを見る。"""

from typing import Final

from tsubame.data_access.db.presence import live_capacity

TURN: Final = "(e.queued_at - make_interval(mins => e.priority))"
"""順番。小さいほど先。優先度 1 は、一分早く並んだのと同じ。時が経っても互いの順は変わらない。"""

_CAPACITY: Final = str(live_capacity().compile(compile_kwargs={"literal_binds": True}))

CONTENDERS: Final = f"""
-- 終わっていない対象。inside は、もう始めると決めたもの(場所を取っている)
live AS MATERIALIZED (
    SELECT t.id, t.execution_id, t.server_id, t.server_name, t.position, t.not_before,
           t.admitted_at IS NOT NULL AS inside, t.wave <= e.open_wave AS wave_is_open,
           e.project_id, e.max_parallel AS execution_limit,
           e.entered_at IS NOT NULL AND e.paused_at IS NULL AND e.cancel_requested_at IS NULL AS is_moving,
           {TURN} AS turn
    FROM targets t JOIN executions e ON e.id = t.execution_id
    WHERE t.state IN ('queued', 'starting', 'running', 'disconnected')
),
in_execution AS (SELECT execution_id, count(*) AS n FROM live WHERE inside GROUP BY execution_id),
in_server AS (SELECT server_id, count(*) AS n FROM live WHERE inside GROUP BY server_id),
in_project AS (SELECT project_id, count(*) AS n FROM live WHERE inside GROUP BY project_id),
everything AS (
    SELECT least(limits.max_parallel, capacity.n) - taken.n AS free,
           limits.max_parallel IS NULL OR capacity.n <= limits.max_parallel AS worker_bound
    FROM limits, ({_CAPACITY}) AS capacity (n), (SELECT count(*) FROM live WHERE inside) AS taken (n)
    WHERE limits.id = 1
),
-- 待っている対象と、それぞれの上限までの空き(NULL は上限なし)
waiting AS MATERIALIZED (
    SELECT live.*, live.execution_limit - coalesce(in_execution.n, 0) AS execution_free,
           servers.max_parallel - coalesce(in_server.n, 0) AS server_free,
           projects.max_parallel - coalesce(in_project.n, 0) AS project_free
    FROM live
    JOIN projects ON projects.id = live.project_id
    LEFT JOIN servers ON servers.id = live.server_id
    LEFT JOIN in_execution ON in_execution.execution_id = live.execution_id
    LEFT JOIN in_server ON in_server.server_id = live.server_id
    LEFT JOIN in_project ON in_project.project_id = live.project_id
    WHERE NOT live.inside
)"""
