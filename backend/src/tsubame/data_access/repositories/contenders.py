"""場所を取り合う対象と、残っている空き。順番を決める SQL と、待つわけを言う SQL が同じものを見る。"""

from typing import Final

from tsubame.data_access.db.presence import live_capacity

TURN: Final = "(e.queued_at - make_interval(mins => e.priority))"
"""順番。小さいほど先。優先度 1 は、一分早く並んだのと同じ。時が経っても互いの順は変わらない。"""

_CAPACITY: Final = str(live_capacity().compile(compile_kwargs={"literal_binds": True}))

# 数えるのに結合ではなく窓関数を使う。待つものが急に増えると統計は追いつかず、結合は総当たりになりうる。
# 窓関数なら、見積もりがどうであれ並べ替えの手間で済む
CONTENDERS: Final = f"""
-- 終わっていない対象と、それぞれの上限までの空き(NULL は上限なし)。inside は、もう場所を取っているもの
live AS MATERIALIZED (
    SELECT t.id, t.execution_id, t.server_id, e.project_id, t.server_name, t.position, t.not_before,
           {TURN} AS turn, t.wave <= e.open_wave AS wave_is_open,
           e.entered_at IS NOT NULL AND e.paused_at IS NULL AND e.cancel_requested_at IS NULL AS is_moving,
           t.admitted_at IS NOT NULL AS inside,
           e.max_parallel - count(t.admitted_at) OVER (PARTITION BY t.execution_id) AS execution_free,
           s.max_parallel - count(t.admitted_at) OVER (PARTITION BY t.server_id) AS server_free,
           p.max_parallel - count(t.admitted_at) OVER (PARTITION BY e.project_id) AS project_free
    FROM targets t
    JOIN executions e ON e.id = t.execution_id
    JOIN projects p ON p.id = e.project_id
    LEFT JOIN servers s ON s.id = t.server_id
    WHERE t.state IN ('queued', 'starting', 'running', 'disconnected')
),
everything AS (
    SELECT least(limits.max_parallel, capacity.n) - (SELECT count(*) FROM live WHERE inside) AS free,
           limits.max_parallel IS NULL OR capacity.n <= limits.max_parallel AS worker_bound
    FROM limits, ({_CAPACITY}) AS capacity (n)
    WHERE limits.id = 1
)"""
