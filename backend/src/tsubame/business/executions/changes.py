"""何かが変わったという合図のうち、その人に知らせてよいもの。"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.business.shared.ids import Reach
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions

Change = tuple[SignalKind, int]
"""種類と番号。番号 0 は「どれかが変わったかもしれない」。"""

PERMISSION_BY_KIND: Final[Mapping[SignalKind, Permission]] = {
    SignalKind.SERVER: Permission.SERVER_READ,
    SignalKind.JOB: Permission.JOB_READ,
    SignalKind.CREDENTIAL: Permission.CREDENTIAL_READ,
    SignalKind.QUEUE: Permission.EXECUTION_READ,
    SignalKind.USER: Permission.USER_WRITE,
    SignalKind.WORKER: Permission.WORKER_READ,
}


class Hiding(Protocol):
    async def hidden(self, ids: Sequence[int], reach: Reach) -> frozenset[int]:
        """あるけれど届かないもの。"""
        ...


class ChangesTx(Protocol):
    @property
    def servers(self) -> Hiding: ...

    @property
    def jobs(self) -> Hiding: ...

    @property
    def credentials(self) -> Hiding: ...


class ChangeService:
    def __init__(self, transactions: Transactions[ChangesTx]) -> None:
        self._transactions = transactions

    def check(self, actor: Actor) -> None:
        """何か一つでも知らせてよい人か。Raises: PermissionDeniedError。"""
        if not any(_reach(actor, kind) != frozenset() for kind in PERMISSION_BY_KIND):
            raise PermissionDeniedError("You have no role in any project yet. Ask an administrator for one.")

    async def visible(self, actor: Actor, changes: Iterable[Change]) -> AbstractSet[Change]:
        """知らせてよいもの。もう消えたものは、どこにあったか分からないので、番号だけを知らせる。"""
        reaches = {kind: _reach(actor, kind) for kind in PERMISSION_BY_KIND}
        # 自分が変わったことは、だれにでも。画面が、できることを読み直すため
        mine = (SignalKind.USER, actor.user_id)
        readable = {
            (kind, number)
            for kind, number in changes
            if reaches[kind] != frozenset() or (kind, number) == mine
        }
        if not any(reaches[kind] is not None for kind, _ in readable):
            return readable
        async with self._transactions.look() as tx:
            rooms = {
                SignalKind.SERVER: tx.servers,
                SignalKind.JOB: tx.jobs,
                SignalKind.CREDENTIAL: tx.credentials,
            }
            for kind, room in rooms.items():
                ids = [number for each, number in readable if each is kind]
                readable -= {(kind, number) for number in await room.hidden(ids, reaches[kind])}
        return readable


def _reach(actor: Actor, kind: SignalKind) -> Reach:
    return actor.projects_with(PERMISSION_BY_KIND[kind])
