from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.shared.ids import WorkerId
from tsubame.business.shared.signals import Signals
from tsubame.business.workers.entities import Worker


class WorkerRepository(Protocol):
    async def heard_within(self, age: timedelta) -> Sequence[Worker]:
        """心拍がそれより新しいワーカー。働いているものを先に、新しい順。"""
        ...

    async def get(self, worker_id: WorkerId) -> Worker:
        """Raises: WorkerNotFoundError。"""
        ...

    async def set_draining(self, worker_id: WorkerId, *, draining: bool) -> bool:
        """引き受けを止める・再開する。変わったか。去ったワーカーは変えない。"""
        ...


class WorkersTx(Protocol):
    @property
    def workers(self) -> WorkerRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...
