"""状態と、その移り方の、ただ一つの表。"""

from collections.abc import Mapping
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

ENDED_EXECUTIONS: Final = frozenset(ExecutionState) - {ExecutionState.QUEUED, ExecutionState.RUNNING}


def sources_of(destination: TargetState) -> tuple[TargetState, ...]:
    """その状態へ移ってよい元の状態。比べて置き換える SQL の条件に使う。"""
    return tuple(source for source, destinations in MOVES.items() if destination in destinations)


def derive(counts: Mapping[TargetState, int]) -> ExecutionState:
    """対象の状態の数から、実行の状態を決める。

    動いているものが一つでもあれば ``running``。全部終わったら、全部成功で ``succeeded``、
    成功と失敗が混ざれば ``partially_failed``、成功がなければいちばん重い終わり方。
    """
    present = {state for state, count in counts.items() if count > 0} - {TargetState.SKIPPED}
    if present - ENDED:
        waiting = present <= {TargetState.QUEUED}
        return ExecutionState.QUEUED if waiting else ExecutionState.RUNNING
    bad = present - {TargetState.SUCCEEDED}
    if not bad:
        return ExecutionState.SUCCEEDED
    # 人が止めた実行は、途中まで成功していても「中止」と見せる
    if TargetState.CANCELLED in bad:
        return ExecutionState.CANCELLED
    if TargetState.SUCCEEDED in present:
        return ExecutionState.PARTIALLY_FAILED
    for state in (TargetState.LOST, TargetState.FAILED, TargetState.TIMED_OUT):
        if state in bad:
            return ExecutionState(state.value)
    raise AssertionError(f"終わり方を決められない: {present}")
