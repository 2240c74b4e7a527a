"""作戦: 対象をどの波に置き、波の終わりや失敗のたびに何をするか(純粋な関数)。"""

from dataclasses import dataclass
from enum import StrEnum

from tsubame.business.jobs.policies import OnFailures, Strategy
from tsubame.business.jobs.shares import at_least, at_most


def plan_waves(strategy: Strategy, total: int) -> tuple[int, ...]:
    """並びの順に、対象が何番目の波(0 から)に入るか。言い尽くしていない残りは、最後の波になる。"""
    planned: list[int] = []
    for number, size in enumerate(strategy.waves):
        planned += [number] * min(at_least(size, total), total - len(planned))
    last = planned[-1] + 1 if planned else 0
    return (*planned, *[last] * (total - len(planned)))


@dataclass(frozen=True, slots=True)
class Progress:
    """実行がどこまで進んだか。数えるのは、位置ごとの最後の試み。

    Attributes:
        failures: 失敗・時間切れ・行方不明の数。
        accepted_failures: そのうち、人が「それでも続ける」と言った分。
        unfinished_in_open_waves: 開いている波の、まだ終わっていない対象。
        waiting: まだ始めていない対象。
        next_wave: まだ開いていない波のうち、最初のもの。
        paused: もう止めてある。
    """

    total: int
    failures: int
    accepted_failures: int
    unfinished_in_open_waves: int
    waiting: int
    next_wave: int | None
    paused: bool


class Step(StrEnum):
    """対象が一つ終わったあとにすること。"""

    GO_ON = "go_on"
    OPEN_NEXT_WAVE = "open_next_wave"
    PAUSE_BETWEEN_WAVES = "pause_between_waves"
    PAUSE_FOR_FAILURES = "pause_for_failures"
    STOP = "stop"


def next_step(strategy: Strategy, progress: Progress) -> Step:
    """失敗の数を先に見る。始めるものが残っていなければ、もう決めることはない。"""
    if progress.waiting == 0:
        return Step.GO_ON
    if _too_many_failures(strategy, progress):
        if strategy.on_failures is OnFailures.STOP:
            return Step.STOP
        return Step.GO_ON if progress.paused else Step.PAUSE_FOR_FAILURES
    if progress.paused or progress.unfinished_in_open_waves or progress.next_wave is None:
        return Step.GO_ON
    return Step.PAUSE_BETWEEN_WAVES if strategy.pause_between_waves else Step.OPEN_NEXT_WAVE


def _too_many_failures(strategy: Strategy, progress: Progress) -> bool:
    if strategy.max_failures is None:
        return False
    allowed = at_most(strategy.max_failures, progress.total)
    return progress.failures - progress.accepted_failures > allowed


def wave_to_open_on_continue(progress: Progress) -> int | None:
    """人が続けると言ったとき、波が終わっていれば次を開く。"""
    return None if progress.unfinished_in_open_waves else progress.next_wave
