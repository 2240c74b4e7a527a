"""待ち行列での居場所: 何番目で、何を待っているか。"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WaitReason(StrEnum):
    """何を待っているか。上にあるものほど、先に片付かなければならない。"""

    PAUSED = "paused"
    """人が続けると言うのを。"""
    JOB_CONCURRENCY = "job_concurrency"
    """同じジョブの、ほかの実行が終わるのを。"""
    WAVE = "wave"
    """前の波が終わるのを。"""
    RETRY_DELAY = "retry_delay"
    """やり直しの間が過ぎるのを。"""
    EXECUTION_PARALLEL = "execution_parallel"
    """同じ実行の、ほかの対象が終わるのを。"""
    NO_WORKER = "no_worker"
    """ワーカーに空きができるのを。"""
    GLOBAL_LIMIT = "global_limit"
    PROJECT_LIMIT = "project_limit"
    SERVER_LIMIT = "server_limit"
    TURN = "turn"
    """空きはある。順番が来れば、すぐに始まる。"""


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """居場所。

    Attributes:
        position: 1 が次の番。
        waiting: まだ始まっていない対象の数。
        since: 待ち始めたとき。
        waits_for_name: 待っている相手の名前(ジョブ、サーバ、プロジェクト)。なければ ``None``。
        until: 時刻を待っているなら、その時刻。
    """

    position: int
    waiting: int
    since: datetime
    waits_for: WaitReason
    waits_for_name: str | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """なぜ始まらないかを言うための、一つの実行の事実。

    Attributes:
        some_in_open_wave: 開いている波に、待っている対象がある。
        some_due: そのうち、やり直しの間が過ぎた(またはない)ものがある。
        some_server_free: さらにそのうち、サーバに空きのあるものがある。
        full_server: 空きのないサーバの一つ。
        next_due_at: やり直しの間が、いちばん早く過ぎるとき。
        worker_bound: 全体の空きを決めているのが、上限ではなくワーカーの数である。
    """

    paused: bool
    entered: bool
    some_in_open_wave: bool
    some_due: bool
    some_server_free: bool
    execution_full: bool
    project_full: bool
    everything_full: bool
    worker_bound: bool
    job_name: str
    project_name: str
    full_server: str | None
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wait:
    reason: WaitReason
    name: str | None = None
    until: datetime | None = None


def explain(facts: WaitFacts) -> Wait:
    """待っているわけを一つだけ言う。先に片付かなければならないものから。"""
    in_order: tuple[tuple[bool, Wait], ...] = (
        (facts.paused, Wait(WaitReason.PAUSED)),
        (not facts.entered, Wait(WaitReason.JOB_CONCURRENCY, facts.job_name)),
        (not facts.some_in_open_wave, Wait(WaitReason.WAVE)),
        (not facts.some_due, Wait(WaitReason.RETRY_DELAY, until=facts.next_due_at)),
        (facts.execution_full, Wait(WaitReason.EXECUTION_PARALLEL)),
        (facts.everything_full and facts.worker_bound, Wait(WaitReason.NO_WORKER)),
        (facts.everything_full, Wait(WaitReason.GLOBAL_LIMIT)),
        (facts.project_full, Wait(WaitReason.PROJECT_LIMIT, facts.project_name)),
        (not facts.some_server_free, Wait(WaitReason.SERVER_LIMIT, facts.full_server)),
    )
    return next((wait for holds, wait in in_order if holds), Wait(WaitReason.TURN))
