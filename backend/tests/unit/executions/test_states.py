"""状態の表と、実行の状態の決め方。"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsubame.business.executions.states import (
    ENDED,
    ENDED_EXECUTIONS,
    MOVES,
    ExecutionState,
    TargetState,
    derive,
    sources_of,
)


def test_ended_states_never_move() -> None:
    """終わった対象は、二度と別の状態にならない。"""
    assert all(not MOVES[state] for state in ENDED)


def test_every_state_has_its_row() -> None:
    """状態を足したら、移り方の表にも足さなければならない。"""
    assert set(MOVES) == set(TargetState)


def test_running_is_reached_only_from_starting_or_disconnected() -> None:
    """送り出していない対象が、いきなり「実行中」になることはない。"""
    assert set(sources_of(TargetState.RUNNING)) == {TargetState.STARTING, TargetState.DISCONNECTED}


@given(st.dictionaries(st.sampled_from(TargetState), st.integers(min_value=1, max_value=500), min_size=1))
def test_execution_ends_exactly_when_all_targets_ended(counts: dict[TargetState, int]) -> None:
    """どの組み合わせでも、実行が終わるのは全対象が終わったとき、そのときに限る。"""
    assert (derive(counts) in ENDED_EXECUTIONS) == (set(counts) <= ENDED)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({TargetState.SUCCEEDED: 3}, ExecutionState.SUCCEEDED),
        ({TargetState.SUCCEEDED: 2, TargetState.FAILED: 1}, ExecutionState.PARTIALLY_FAILED),
        ({TargetState.FAILED: 1, TargetState.TIMED_OUT: 1}, ExecutionState.FAILED),
        ({TargetState.TIMED_OUT: 1}, ExecutionState.TIMED_OUT),
        ({TargetState.LOST: 1, TargetState.FAILED: 3}, ExecutionState.LOST),
        ({TargetState.SUCCEEDED: 1, TargetState.CANCELLED: 1}, ExecutionState.CANCELLED),
        ({TargetState.QUEUED: 2}, ExecutionState.QUEUED),
        ({TargetState.QUEUED: 2, TargetState.SUCCEEDED: 1}, ExecutionState.RUNNING),
        ({TargetState.DISCONNECTED: 1}, ExecutionState.RUNNING),
        ({TargetState.SKIPPED: 1, TargetState.SUCCEEDED: 1}, ExecutionState.SUCCEEDED),
        ({TargetState.SKIPPED: 2}, ExecutionState.SKIPPED),
        ({TargetState.SKIPPED: 8, TargetState.FAILED: 1}, ExecutionState.FAILED),
        (
            {TargetState.SKIPPED: 8, TargetState.FAILED: 1, TargetState.SUCCEEDED: 1},
            ExecutionState.PARTIALLY_FAILED,
        ),
    ],
)
def test_execution_state_tells_the_worst_ending(
    counts: dict[TargetState, int], expected: ExecutionState
) -> None:
    """内訳から、利用者がまず知りたい一語を選ぶ。"""
    assert derive(counts) is expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({TargetState.QUEUED: 2}, ExecutionState.PAUSED),
        ({TargetState.QUEUED: 2, TargetState.SUCCEEDED: 1}, ExecutionState.PAUSED),
        ({TargetState.QUEUED: 2, TargetState.RUNNING: 1}, ExecutionState.RUNNING),
        ({TargetState.QUEUED: 2, TargetState.DISCONNECTED: 1}, ExecutionState.RUNNING),
        ({TargetState.SUCCEEDED: 1}, ExecutionState.SUCCEEDED),
        ({TargetState.CANCELLED: 1}, ExecutionState.CANCELLED),
    ],
)
def test_paused_shows_only_when_nothing_moves(
    counts: dict[TargetState, int], expected: ExecutionState
) -> None:
    """止めてあっても、動いている対象があれば「実行中」、終わっていれば終わりを見せる。"""
    assert derive(counts, paused=True) is expected
