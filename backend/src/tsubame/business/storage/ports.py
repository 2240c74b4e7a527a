from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.executions.ports import ExecutionRepository
from tsubame.business.projects.entities import ProjectRef
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.ids import ExecutionId, ProjectId, Reach, TargetId
from tsubame.business.shared.signals import Signals
from tsubame.business.storage.entities import (
    ArchiveHealth,
    Deletion,
    Pin,
    Policy,
    PolicyPlace,
    Preview,
    StoredPolicy,
    Usage,
)


class PolicyRepository(Protocol):
    async def all(self) -> list[StoredPolicy]:
        """全体、プロジェクト、ジョブの順。"""
        ...

    async def seen(self, reach: Reach) -> list[StoredPolicy]:
        """``all`` のうち、全体の決まりと、届くプロジェクトのもの。"""
        ...

    async def projects(self, reach: Reach) -> list[ProjectRef]:
        """決まりを付けられるプロジェクト。名前の順。"""
        ...

    async def project_of(self, place: PolicyPlace, reach: Reach) -> ProjectId | None:
        """その場所のあるプロジェクト。全体なら ``None``。

        Raises: PolicyNotFoundError(そのプロジェクトかジョブがないか、届かない)。
        """
        ...

    async def put(self, place: PolicyPlace, policy: Policy, by: Actor) -> Policy | None:
        """書き、前の決まりを返す。

        Raises: PolicyNotFoundError(そのプロジェクトかジョブがない)。
        """
        ...

    async def remove(self, place: PolicyPlace) -> Policy:
        """Raises: PolicyNotFoundError。"""
        ...


class StorageRepository(Protocol):
    async def usage(self, reach: Reach) -> Usage:
        """実行とログの数は、届くプロジェクトの分。表と保管先の大きさは、設置の全体。"""
        ...

    async def health(self) -> ArchiveHealth: ...

    async def preview(self, policies: Sequence[StoredPolicy], now: datetime, reach: Reach) -> Preview:
        """届くプロジェクトの分。"""
        ...

    async def delete_expired(self, policies: Sequence[StoredPolicy], now: datetime, limit: int) -> Deletion:
        """古い実行を、ログごと ``limit`` 個まで消す。終わっていないもの、印を付けたものは消さない。

        保管先の物は、消す控えに書くだけ。確定のあとで ``LogArchive.sweep`` が消す。
        """
        ...

    async def to_archive(
        self, policies: Sequence[StoredPolicy], now: datetime, limit: int, without: Collection[TargetId]
    ) -> list[TargetId]:
        """移してよい、終わったログ。古い順。"""
        ...

    async def drop_empty_months(self, now: datetime) -> list[str]:
        """空になった月の区画を、表ごと捨てる。使われていれば、次の回に。"""
        ...

    async def set_pin(self, execution_id: ExecutionId, pin: Pin | None) -> bool:
        """印を付ける・外す。変わったか。"""
        ...

    async def take_sample(self, now: datetime) -> None: ...

    async def report_pass(
        self, location: str | None, now: datetime, error: UnavailableError | None
    ) -> None: ...


class StorageTx(Protocol):
    @property
    def policies(self) -> PolicyRepository: ...

    @property
    def storage(self) -> StorageRepository: ...

    @property
    def executions(self) -> ExecutionRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


class LogArchive(Protocol):
    """ログの保管先。"""

    @property
    def location(self) -> str | None:
        """これから移す先。``None`` なら、移さない。"""
        ...

    async def archive(self, target_id: TargetId) -> int:
        """移し、物の大きさを返す。もう移っていれば 0。何度呼んでもよく、どこで死んでもよい。

        Raises: ArchiveUnavailableError, ArchiveRefusedError, ArchiveMismatchError, StorageUnavailableError。
        """
        ...

    async def sweep(self) -> int:
        """控えにある物を消し、その数を返す。

        Raises: ArchiveUnavailableError, ArchiveRefusedError, StorageUnavailableError。
        """
        ...


class Turn(Protocol):
    """順番。どのプロセスでも、一度に一人だけが取れる。"""

    def take(self) -> AbstractAsyncContextManager[bool]:
        """取れたか。抜けるか、死ねば、外れる。"""
        ...
