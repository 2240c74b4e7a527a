"""やり直すか、どれだけ間をおくか(純粋な関数)。"""

from typing import Final

from tsubame.business.executions.entities import TargetResult
from tsubame.business.executions.states import TargetState
from tsubame.business.jobs.policies import Retry, RetryOn
from tsubame.business.servers.errors import ConnectionProblem

# 人が直すまで通らないもの(認証、ホスト鍵)は、試し直しても相手に締め出されるだけ
_MAY_PASS_LATER: Final = frozenset(
    problem.code for problem in ConnectionProblem.__subclasses__() if problem.transient
)
_ON_STATE: Final = {
    TargetState.TIMED_OUT: RetryOn.TIMED_OUT,
    TargetState.LOST: RetryOn.LOST,
}


def should_retry(retry: Retry, attempt: int, result: TargetResult, *, first_hand: bool) -> bool:
    """この終わり方を、もう一度やり直すか。中止された実行のことは、呼ぶ側が見る。

    ``first_hand`` は、引き受けたのが一人だけだったこと。引き継いだ者がつながらなかったのなら、
    前の者が始めていたかもしれないので、「何も始まらなかった」とは言えない。
    """
    if attempt >= retry.max_attempts:
        return False
    if result.state is not TargetState.FAILED:
        return _ON_STATE.get(result.state) in retry.on
    if result.exit_code is not None:
        return result.exit_code in retry.exit_codes
    return RetryOn.CONNECT in retry.on and first_hand and result.reason in _MAY_PASS_LATER


def delay_s(retry: Retry, attempt: int, dice: float) -> float:
    """``attempt`` 回目が終わってから、次までの秒数。``dice`` は 0 以上 1 未満の乱数。"""
    planned = min(retry.delay_s * retry.factor ** (attempt - 1), retry.max_delay_s)
    return planned * (1 + retry.jitter * (2 * dice - 1))
