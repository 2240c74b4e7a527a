"""やり直し: してよい終わり方と、間の長さ。"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsubame.business.executions.entities import TargetResult
from tsubame.business.executions.retries import delay_s, should_retry
from tsubame.business.executions.states import TargetState
from tsubame.business.jobs.policies import Retry, RetryOn

REFUSED = TargetResult(TargetState.FAILED, reason="connect_refused")
THRICE = Retry(max_attempts=3)
EVERYTHING = Retry(max_attempts=3, on=tuple(RetryOn), exit_codes=(75,))


def exited(code: int) -> TargetResult:
    state = TargetState.FAILED if code else TargetState.SUCCEEDED
    return TargetResult(state, reason="exit_nonzero" if code else None, exit_code=code)


@pytest.mark.parametrize(
    ("retry", "result", "expected"),
    [
        (THRICE, REFUSED, True),
        (THRICE, TargetResult(TargetState.FAILED, reason="server_busy"), True),
        (Retry(max_attempts=3, on=()), REFUSED, False),
        (Retry(), REFUSED, False),
        # 人が直すまで通らないもの。試し直すと、相手に締め出される
        (EVERYTHING, TargetResult(TargetState.FAILED, reason="auth_failed"), False),
        (EVERYTHING, TargetResult(TargetState.FAILED, reason="host_key_changed"), False),
        (EVERYTHING, TargetResult(TargetState.FAILED, reason="server_deleted"), False),
        # 終了コードは、並べたものだけ
        (THRICE, exited(1), False),
        (EVERYTHING, exited(1), False),
        (EVERYTHING, exited(75), True),
        (EVERYTHING, exited(0), False),
        # 動いたかもしれないものは、そう書いたときだけ
        (THRICE, TargetResult(TargetState.LOST, reason="server_rebooted"), False),
        (THRICE, TargetResult(TargetState.TIMED_OUT, reason="timed_out"), False),
        (EVERYTHING, TargetResult(TargetState.LOST, reason="server_rebooted"), True),
        (EVERYTHING, TargetResult(TargetState.TIMED_OUT, exit_code=143), True),
        (EVERYTHING, TargetResult(TargetState.CANCELLED, reason="cancelled_by_user"), False),
    ],
)
def test_what_may_be_tried_again(retry: Retry, result: TargetResult, expected: bool) -> None:
    """届かなかった失敗はやり直し、動いたかもしれないものは書いたものだけをやり直す。"""
    assert should_retry(retry, 1, result, first_hand=True) is expected


@pytest.mark.parametrize(("attempt", "expected"), [(1, True), (2, True), (3, False), (4, False)])
def test_attempts_include_the_first(attempt: int, expected: bool) -> None:
    """回数は、最初の一回を含む。"""
    assert should_retry(THRICE, attempt, REFUSED, first_hand=True) is expected


def test_taken_over_target_may_have_run() -> None:
    """引き継いだ者がつながらなくても、前の者が始めたかもしれないので、やり直さない。"""
    assert not should_retry(EVERYTHING, 1, REFUSED, first_hand=False)
    assert should_retry(EVERYTHING, 1, exited(75), first_hand=False)


def test_delay_grows_and_stops_growing() -> None:
    """間は倍々に延び、上限で止まる。"""
    retry = Retry(delay_s=10, factor=2, max_delay_s=60, jitter=0)
    assert [delay_s(retry, attempt, 0.9) for attempt in (1, 2, 3, 4, 5)] == [10, 20, 40, 60, 60]


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1), st.integers(1, 20))
def test_jitter_stays_within_its_share(dice: float, jitter: float, attempt: int) -> None:
    """散らしても、決めた割合の外へは出ず、負にならない。"""
    retry = Retry(delay_s=10, factor=3, max_delay_s=1000, jitter=jitter)
    planned = delay_s(Retry(delay_s=10, factor=3, max_delay_s=1000, jitter=0), attempt, dice)
    delay = delay_s(retry, attempt, dice)
    assert delay >= 0
    assert abs(delay - planned) <= planned * jitter + 1e-6
