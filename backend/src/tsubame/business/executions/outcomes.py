"""走りの結末から、対象の終わりを決める(純粋な関数)。"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tsubame.business.executions.entities import TargetResult
from tsubame.business.executions.reasons import Reason, of_exit_code
from tsubame.business.executions.remote_run import CancelReport, Exited, Lost, Refused
from tsubame.business.executions.states import TargetState


class StopCause(StrEnum):
    """こちらから止めたわけ。"""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class Stopped:
    """止めた記録。``report`` が ``None`` なら、止める命令を届けられなかった。"""

    cause: StopCause
    report: CancelReport | None


_STATE_OF_CAUSE: Final = {
    StopCause.CANCELLED: (TargetState.CANCELLED, Reason.CANCELLED_BY_USER),
    StopCause.TIMED_OUT: (TargetState.TIMED_OUT, Reason.TIMED_OUT),
}
_STATE_OF_GUARD: Final = {
    "timed_out": (TargetState.TIMED_OUT, Reason.TIMED_OUT),
    "contact_lost": (TargetState.FAILED, Reason.CONTACT_LOST),
}
_REASON_OF_LOSS: Final = {
    "reboot": Reason.REBOOTED,
    "killed": Reason.RUNNER_KILLED,
    "nodir": Reason.RUN_FORGOTTEN,
    "neverstarted": Reason.NEVER_STARTED,
}
_REASON_OF_START_FAILURE: Final = {
    "working_directory": Reason.WORKING_DIRECTORY,
    "interpreter": Reason.INTERPRETER,
    "files": Reason.SECRET_FILES,
}
_REASON_OF_REFUSAL: Final = {"write": Reason.DISK_FULL, "nodir": Reason.NO_RUN_DIRECTORY}


def decide(outcome: Exited | Lost | Refused, stopped: Stopped | None) -> TargetResult:
    """終わりを決める。

    止めたものは、終了コードが何であれ「止めた」と見せる。ただし止める前に自分で終わっていたなら、
    その終わり方のまま(ワーカーのいないあいだに終わり、来たときには期限を過ぎていることがある)。
    """
    survivors = stopped.report.survivors if stopped and stopped.report else ()
    match outcome:
        case Exited(guarded_by=str(why)):
            return _guarded(outcome, why, survivors)
        case Exited():
            return _exited(outcome, stopped, survivors)
        case Lost():
            if stopped is not None:
                state, reason = _STATE_OF_CAUSE[stopped.cause]
                return TargetResult(state=state, reason=reason, survivors=survivors)
            return TargetResult(
                state=TargetState.LOST, reason=_REASON_OF_LOSS.get(outcome.why, Reason.RUN_FORGOTTEN)
            )
        case Refused():
            refusal = _REASON_OF_REFUSAL.get(outcome.why, Reason.START_REFUSED)
            return TargetResult(state=TargetState.FAILED, reason=refusal, detail=outcome.why)


def _guarded(outcome: Exited, why: str, survivors: tuple[int, ...]) -> TargetResult:
    # 見張りが先に止めたなら、あとから届いた中止より、見張りのわけが本当
    state, reason = _STATE_OF_GUARD[why]
    everyone = tuple(dict.fromkeys((*outcome.survivors, *survivors)))
    return TargetResult(state=state, reason=reason, exit_code=outcome.exit_code, survivors=everyone)


def _exited(outcome: Exited, stopped: Stopped | None, survivors: tuple[int, ...]) -> TargetResult:
    if outcome.cancelled:
        state, reason = _STATE_OF_CAUSE[stopped.cause if stopped else StopCause.CANCELLED]
        return TargetResult(state=state, reason=reason, exit_code=outcome.exit_code, survivors=survivors)
    if outcome.exit_code == 0:
        note = Reason.LOG_INCOMPLETE if outcome.log_incomplete else None
        return TargetResult(state=TargetState.SUCCEEDED, reason=note, exit_code=0)
    return TargetResult(state=TargetState.FAILED, reason=_why_failed(outcome), exit_code=outcome.exit_code)


def never_started(stopped: Stopped) -> TargetResult:
    """送り出す前に止めた。サーバの上には、何も始まっていない。"""
    state, reason = _STATE_OF_CAUSE[stopped.cause]
    return TargetResult(state=state, reason=reason)


def _why_failed(outcome: Exited) -> Reason | None:
    if outcome.start_failure is not None:
        return _REASON_OF_START_FAILURE.get(outcome.start_failure, Reason.START_REFUSED)
    if outcome.log_incomplete:
        return Reason.DISK_FULL
    return of_exit_code(outcome.exit_code)
