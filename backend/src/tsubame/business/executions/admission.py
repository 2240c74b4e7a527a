"""だれが始めてよいかを決め、始めてよい対象を配達の列に積む。

決めるのは一つの SQL(``AdmissionRepository.admit``)。ここは、決める者を一人にし、決め終わるまで繰り返す。
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tsubame.business.executions.ports import Queue
from tsubame.business.shared.ids import TargetId
from tsubame.business.shared.signals import SignalKind, Signals


@dataclass(frozen=True, slots=True)
class Turn:
    """決める番。``mine`` でなければ、今ほかの者が決めている。

    Attributes:
        doors_closed: ジョブの同時実行の枠が空くのを待っている実行がある。
    """

    mine: bool
    doors_closed: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """一巡りの結果。``eligible`` は、空きを考えなければ始めてよかった対象の数(``admitted`` を含む)。"""

    admitted: tuple[TargetId, ...]
    eligible: int

    @property
    def is_final(self) -> bool:
        """もう一巡りしても、だれも始められない。"""
        return not self.admitted or len(self.admitted) == self.eligible


class AdmissionRepository(Protocol):
    async def take_turn(self) -> Turn:
        """待たずに番を取る。番は取引の終わりまで続く。"""
        ...

    async def open_doors(self, at: datetime) -> None:
        """枠の空いたジョブの実行を、優先度の順、待った順に入れる。"""
        ...

    async def admit(self, at: datetime) -> Decision:
        """どの上限も超えずに始めてよい対象を、優先度の順、待った順に選んで印を付ける。

        選ぶのは一巡り分。上限が互いに絡むと、もう一巡りでさらに始められることがある。
        """
        ...


class AdmissionTx(Protocol):
    @property
    def admission(self) -> AdmissionRepository: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def signals(self) -> Signals: ...


async def admit(tx: AdmissionTx, at: datetime) -> Sequence[TargetId]:
    """始められるだけ始め、始めたものを返す。

    番が取れなければ、今の取引で入れた行は、決めている者にはまだ見えない。確定と同時に合図を送り、
    ワーカーの入口係(``Admitter``)に、もう一度見てもらう。
    """
    turn = await tx.admission.take_turn()
    if not turn.mine:
        await tx.signals.send(SignalKind.QUEUE, [0])
        return ()
    if turn.doors_closed:
        await tx.admission.open_doors(at)
    admitted: list[TargetId] = []
    while True:
        decision = await tx.admission.admit(at)
        admitted += decision.admitted
        if decision.is_final:
            break
    if admitted:
        await tx.queue.deliver(admitted)
    return admitted
