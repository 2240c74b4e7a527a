"""状態と、その移り方の、ただ一つの表。"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final


class TargetState(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    DISCONNECTED = "disconnected"
    """連絡が切れ、結末が分からない。つなぎ直しを続ける。"""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    """サーバがもう走りを知らない(再起動した、記録が消えた)。"""
    SKIPPED = "skipped"


class ExecutionState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARTIALLY_FAILED = "partially_failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    PAUSED = "paused"
    """人か作戦が止めていて、動いている対象もない。続きは人を待つ。"""
    SKIPPED = "skipped"
    """ジョブが一杯で、動かさなかった。"""


ENDED: Final = frozenset(
    {
        TargetState.SUCCEEDED,
        TargetState.FAILED,
        TargetState.CANCELLED,
        TargetState.TIMED_OUT,
        TargetState.LOST,
        TargetState.SKIPPED,
    }
)
"""終わりの状態。ここから先へは動かない。"""

ACTIVE: Final = frozenset({TargetState.STARTING, TargetState.RUNNING, TargetState.DISCONNECTED})
"""サーバの上で走っている(かもしれない)状態。"""

MOVES: Final[Mapping[TargetState, frozenset[TargetState]]] = {
    TargetState.QUEUED: frozenset(
        {TargetState.STARTING, TargetState.FAILED, TargetState.CANCELLED, TargetState.SKIPPED}
    ),
    # starting のあいだは同じ名前で何度でも送り直せる。hello を記録したら running
    TargetState.STARTING: ENDED - {TargetState.SKIPPED} | {TargetState.RUNNING},
    TargetState.RUNNING: ENDED - {TargetState.SKIPPED} | {TargetState.DISCONNECTED},
    TargetState.DISCONNECTED: ENDED - {TargetState.SKIPPED} | {TargetState.RUNNING},
    **{state: frozenset() for state in ENDED},
}

UNFINISHED: Final = tuple(state for state in TargetState if state not in ENDED)
"""まだ終わっていない状態。"""

LIVE_EXECUTIONS: Final = (ExecutionState.QUEUED, ExecutionState.RUNNING, ExecutionState.PAUSED)
ENDED_EXECUTIONS: Final = frozenset(ExecutionState) - set(LIVE_EXECUTIONS)


def sources_of(destination: TargetState) -> tuple[TargetState, ...]:
    """その状態へ移ってよい元の状態。比べて置き換える SQL の条件に使う。"""
    return tuple(source for source, destinations in MOVES.items() if destination in destinations)


def derive(counts: Mapping[TargetState, int], *, paused: bool = False) -> ExecutionState:
    """対象の状態の数から、実行の状態を決める。

    数えるのは、位置ごとの最後の試みだけ。
    動いているものが一つでもあれば ``running``。止めていて、何も動いていなければ ``paused``。
    全部終わったら、全部成功で ``succeeded``、成功と失敗が混ざれば ``partially_failed``、成功がなければ
    いちばん重い終わり方。
    """
    seen = {state for state, count in counts.items() if count > 0}
    if seen - ENDED:
        return _derive_live(seen, paused=paused)
    if seen == {TargetState.SKIPPED}:
        return ExecutionState.SKIPPED
    return _derive_ended(seen - {TargetState.SKIPPED})


def _derive_live(seen: AbstractSet[TargetState], *, paused: bool) -> ExecutionState:
    if paused and not seen & ACTIVE:
        return ExecutionState.PAUSED
    waiting = seen <= {TargetState.QUEUED, TargetState.SKIPPED}
    return ExecutionState.QUEUED if waiting else ExecutionState.RUNNING


def _derive_ended(seen: AbstractSet[TargetState]) -> ExecutionState:
    bad = seen - {TargetState.SUCCEEDED}
    if not bad:
        return ExecutionState.SUCCEEDED
    # 人が止めた実行は、途中まで成功していても「中止」と見せる
    if TargetState.CANCELLED in bad:
        return ExecutionState.CANCELLED
    if TargetState.SUCCEEDED in seen:
        return ExecutionState.PARTIALLY_FAILED
    for state in (TargetState.LOST, TargetState.FAILED, TargetState.TIMED_OUT):
        if state in bad:
            return ExecutionState(state.value)
    raise AssertionError(f"終わり方を決められない: {seen}")
