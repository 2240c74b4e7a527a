"""上限を超えたログの真ん中を省く文。

「権利を比べて、省いた所を行に記す・その中のかたまりを消す」を一つの文で済ませる。
途中で切れれば、何も起きなかったことになり、次に書けたときにやり直す。
"""

from typing import Final

from tsubame.business.executions.log_store import LogTrim

_BEFORE: Final = """
    SELECT byte_start, newline_start, starts_line FROM log_chunks
    WHERE log_day = %(log_day)b AND target_id = %(target_id)b AND byte_start <= {position}
    ORDER BY byte_start DESC LIMIT 1
"""
TRIM: Final = f"""
WITH head AS ({_BEFORE.format(position="%(gap_start)b")}), tail AS ({_BEFORE.format(position="%(gap_end)b")}),
gap AS (
    UPDATE targets t
    SET log_gap_start = COALESCE(t.log_gap_start, head.byte_start),
        log_gap_first_line = COALESCE(
            t.log_gap_first_line,
            head.newline_start + CASE WHEN head.starts_line THEN 1 ELSE 2 END
        ),
        log_gap_end = tail.byte_start, log_gap_next_line = tail.newline_start + 1
    FROM head, tail
    WHERE t.id = %(target_id)b AND t.lease_epoch = %(epoch)b
        AND tail.byte_start > COALESCE(t.log_gap_end, head.byte_start)
    RETURNING t.log_gap_start, t.log_gap_end
)
DELETE FROM log_chunks c USING gap
WHERE c.log_day = %(log_day)b AND c.target_id = %(target_id)b
    AND c.byte_start >= gap.log_gap_start AND c.byte_start < gap.log_gap_end
"""


def values(trim: LogTrim) -> dict[str, object]:
    return {
        "log_day": trim.log_day,
        "target_id": trim.lease.target_id,
        "epoch": trim.lease.epoch,
        "gap_start": trim.gap_start,
        "gap_end": trim.gap_end,
    }
