"""走りの結末から、対象の終わりが決まる。"""

import pytest

from tsubame.business.executions.outcomes import StopCause, Stopped, decide
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.remote_run import CancelReport, Exited, Lost, Refused
from tsubame.business.executions.states import TargetState

CANCELLED = Stopped(StopCause.CANCELLED, CancelReport(ended=True, survivors=()))
TIMED_OUT = Stopped(StopCause.TIMED_OUT, CancelReport(ended=True, survivors=()))


def exited(exit_code: int, *, cancelled: bool = False) -> Exited:
    return Exited(exit_code=exit_code, size=0, duration_s=1.0, cancelled=cancelled)


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [
        (1, Reason.EXIT_NONZERO),
        (126, Reason.COMMAND_NOT_EXECUTABLE),
        (127, Reason.COMMAND_NOT_FOUND),
        (137, Reason.KILLED_BY_SIGNAL),
        (255, Reason.EXIT_NONZERO),
    ],
)
def test_exit_code_tells_why(exit_code: int, reason: Reason) -> None:
    """終了コードごとに、利用者に見せる理由が違う。"""
    result = decide(exited(exit_code), None)
    assert (result.state, result.reason, result.exit_code) == (TargetState.FAILED, reason, exit_code)


def test_zero_is_success_without_reason() -> None:
    """終了コード 0 は成功で、理由は要らない。"""
    result = decide(exited(0), None)
    assert (result.state, result.reason) == (TargetState.SUCCEEDED, None)


def test_cancelled_run_is_cancelled_whatever_it_returned() -> None:
    """中止したものは、後始末をして 0 で終わっても「中止」。"""
    assert decide(exited(0, cancelled=True), CANCELLED).state is TargetState.CANCELLED


def test_success_before_the_cancel_arrived_stays_success() -> None:
    """中止が届く前に終わっていたなら、成功のまま。"""
    assert decide(exited(0), CANCELLED).state is TargetState.SUCCEEDED


def test_failure_before_the_limit_stays_failure() -> None:
    """自分で失敗して終わったものは、来たときに期限を過ぎていても「失敗」。"""
    result = decide(exited(3), TIMED_OUT)
    assert (result.state, result.reason) == (TargetState.FAILED, Reason.EXIT_NONZERO)


def test_timeout_is_not_reported_as_cancel() -> None:
    """時間切れと、人の中止を混同しない。"""
    result = decide(exited(143, cancelled=True), TIMED_OUT)
    assert (result.state, result.reason) == (TargetState.TIMED_OUT, Reason.TIMED_OUT)


def test_survivors_are_reported() -> None:
    """消えなかったプロセスは、番号を隠さずに伝える。"""
    stopped = Stopped(StopCause.CANCELLED, CancelReport(ended=True, survivors=(41, 42)))
    assert decide(exited(137, cancelled=True), stopped).survivors == (41, 42)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("reboot", Reason.REBOOTED),
        ("killed", Reason.RUNNER_KILLED),
        ("nodir", Reason.RUN_FORGOTTEN),
        ("neverstarted", Reason.NEVER_STARTED),
    ],
)
def test_lost_run_says_what_the_server_knows(why: str, reason: Reason) -> None:
    """走りを見失ったわけを、サーバの言ったとおりに伝える。"""
    result = decide(Lost(why), None)
    assert (result.state, result.reason) == (TargetState.LOST, reason)


def test_full_disk_at_start_is_named() -> None:
    """置き場に書けなければ、満杯だと言う。"""
    result = decide(Refused("write"), None)
    assert (result.state, result.reason) == (TargetState.FAILED, Reason.DISK_FULL)


@pytest.mark.parametrize(
    ("start_failure", "reason"),
    [("working_directory", Reason.WORKING_DIRECTORY), ("interpreter", Reason.INTERPRETER)],
)
def test_start_failure_is_not_blamed_on_the_script(start_failure: str, reason: Reason) -> None:
    """始められなかったのを、スクリプトの終了コードのせいにしない。"""
    outcome = Exited(exit_code=127, size=0, duration_s=0.0, start_failure=start_failure)
    assert decide(outcome, None).reason is reason


@pytest.mark.parametrize(
    ("guarded_by", "state", "reason"),
    [
        ("timed_out", TargetState.TIMED_OUT, Reason.TIMED_OUT),
        ("contact_lost", TargetState.FAILED, Reason.CONTACT_LOST),
    ],
)
def test_guard_on_the_server_tells_why(guarded_by: str, state: TargetState, reason: Reason) -> None:
    """見張りが先に止めたなら、あとから中止が届いていても、見張りのわけで終わる。0 で終わっていても同じ。"""
    guarded = Exited(0, 0, 1.0, cancelled=True, guarded_by=guarded_by, survivors=(7, 8))
    stopped = Stopped(StopCause.CANCELLED, CancelReport(ended=True, survivors=(8, 9)))
    result = decide(guarded, stopped)
    assert (result.state, result.reason, result.survivors) == (state, reason, (7, 8, 9))
    assert decide(guarded, None).state is state
