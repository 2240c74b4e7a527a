from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tsubame.business.shared.ids import WorkerId

LATE_S: Final = 7.0
"""心拍(2 秒ごと)がこれだけ途切れたら、黙っていると見せる。"""


class WorkerState(StrEnum):
    WORKING = "working"
    DRAINING = "draining"
    """新しい対象を引き受けず、動いているものの終わりを待っている。"""
    DRAINED = "drained"
    """引き受けたものが全部終わった。止めてよい。"""
    SILENT = "silent"
    """心拍が届かない。死んだか、固まったか、データベースへの道が切れた。"""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Identity:
    """名簿に載せる、自分のこと。``capacity`` は同時に引き受ける対象の数。"""

    host: str
    pid: int
    version: str
    capacity: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """心拍に添える、プロセスと機械の様子。

    Attributes:
        load: 直近一分の、走るのを待つプロセスの数(load average)。
        cpu_count: その機械の CPU の数。``load`` がこれを超えると混んでいる。
        rss_bytes: ワーカーのプロセスが占める記憶。
    """

    load: float
    cpu_count: int
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Worker:
    """名簿の一行。

    Attributes:
        running: 権利を持っている対象の数。本人の申告ではなく、対象の行から数える。
        vitals: 最初の心拍までは ``None``。
        silence_s: 最後の心拍からの秒。時計のずれに惑わされないよう、データベースの時計で測る。
    """

    id: WorkerId
    identity: Identity
    running: int
    vitals: Vitals | None
    started_at: datetime
    heartbeat_at: datetime
    silence_s: float
    draining_at: datetime | None
    stopped_at: datetime | None

    @property
    def name(self) -> str:
        return f"{self.identity.host}:{self.identity.pid}"

    @property
    def state(self) -> WorkerState:
        if self.stopped_at is not None:
            return WorkerState.STOPPED
        if self.silence_s > LATE_S:
            return WorkerState.SILENT
        if self.draining_at is None:
            return WorkerState.WORKING
        return WorkerState.DRAINING if self.running else WorkerState.DRAINED
