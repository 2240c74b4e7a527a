"""決まりのとおりに、ログを移し、古い実行を消し続ける。"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import StorageUnavailableError, UnavailableError
from tsubame.business.shared.ids import TargetId
from tsubame.business.shared.transactions import Transactions
from tsubame.business.storage.entities import Loss, StoredPolicy
from tsubame.business.storage.errors import ArchiveMismatchError
from tsubame.business.storage.ports import LogArchive, StorageTx, Turn

# 一回の上限。移すものが溜まっていても、ほかのワーカーと番を替われるように
_PASS: Final = timedelta(seconds=60)
_ARCHIVE_BATCH: Final = 50
# 小さく区切る。実行の行を鎖しているあいだ、同じ実行を見る人が待つので
_DELETE_BATCH: Final = 20
# 消すものを探すのは軽くないので、移すより間をおく
_DELETE_EVERY: Final = timedelta(minutes=10)
_DOUBTFUL: Final = 1000
_log = logging.getLogger(__name__)


class StorageKeeper:
    """一回ごとに、置きかけの物を片付け、移し、消し、測る。どこで死んでも、次の回が続きから行う。"""

    def __init__(
        self, transactions: Transactions[StorageTx], archive: LogArchive, turn: Turn, clock: Clock
    ) -> None:
        self._transactions = transactions
        self._archive = archive
        self._turn = turn
        self._clock = clock
        self._deleted_at = clock.now() - _DELETE_EVERY
        self._doubtful: OrderedDict[TargetId, ArchiveMismatchError] = OrderedDict()

    async def run_once(self) -> bool:
        """番が取れたか。

        Raises: StorageUnavailableError。
        """
        async with self._turn.take() as mine:
            if mine:
                await self._pass()
            return mine

    async def _pass(self) -> None:
        async with self._transactions.begin() as tx:
            policies = await tx.policies.all()
        if self._clock.now() - self._deleted_at >= _DELETE_EVERY:
            # 保管先の気まぐれだったかもしれない。ときどき試し直す
            self._doubtful.clear()
        # 保管先に届かなくても、消すのは止めない。止めれば、保管先が戻るまで表がふくらみ続ける
        problem = await self._sweep() or await self._move(policies)
        problem = await self._delete(policies) or problem
        async with self._transactions.begin() as tx:
            now = self._clock.now()
            await tx.storage.take_sample(now)
            await tx.storage.report_pass(self._archive.location, now, problem)

    async def _sweep(self) -> UnavailableError | None:
        try:
            await self._archive.sweep()
        except StorageUnavailableError:
            raise
        except UnavailableError as refused:
            _log.warning("archive_sweep_failed reason=%s detail=%s", refused.code, refused.detail)
            return refused
        return None

    async def _move(self, policies: Sequence[StoredPolicy]) -> UnavailableError | None:
        """移す。返すのは、移せなかったわけ。中身の合わないログは飛ばし、ほかを先に進める。"""
        if self._archive.location is None:
            return None
        until = self._clock.now() + _PASS
        while self._clock.now() < until:
            async with self._transactions.begin() as tx:
                found = await tx.storage.to_archive(
                    policies, self._clock.now(), _ARCHIVE_BATCH, tuple(self._doubtful)
                )
            for target_id in found:
                try:
                    await self._archive.archive(target_id)
                except ArchiveMismatchError as mismatch:
                    _log.warning("archive_mismatch target_id=%d detail=%s", target_id, mismatch.detail)
                    self._doubt(target_id, mismatch)
                except StorageUnavailableError:
                    raise
                except UnavailableError as refused:
                    _log.warning("archive_failed reason=%s detail=%s", refused.code, refused.detail)
                    return refused
            if len(found) < _ARCHIVE_BATCH:
                break
        return next(reversed(self._doubtful.values()), None)

    def _doubt(self, target_id: TargetId, mismatch: ArchiveMismatchError) -> None:
        self._doubtful[target_id] = mismatch
        while len(self._doubtful) > _DOUBTFUL:
            self._doubtful.popitem(last=False)

    async def _delete(self, policies: Sequence[StoredPolicy]) -> UnavailableError | None:
        """消す。返すのは、保管先の物を消せなかったわけ(控えに残るので、次の回が消す)。"""
        now = self._clock.now()
        if now - self._deleted_at < _DELETE_EVERY:
            return None
        self._deleted_at = now
        if all(stored.policy.keeps_forever for stored in policies):
            return None
        total = Loss()
        while True:
            async with self._transactions.begin() as tx:
                deletion = await tx.storage.delete_expired(policies, now, _DELETE_BATCH)
                total = total.plus(deletion.loss)
                if deletion.execution_ids:
                    await tx.audit.record(_deleted(deletion.loss, deletion.execution_ids))
            if not deletion.more or self._clock.now() - now > _PASS:
                break
        async with self._transactions.begin() as tx:
            months = await tx.storage.drop_empty_months(now)
        if total.executions or months:
            _log.info("expired_deleted executions=%d logs=%d months=%s", total.executions, total.logs, months)
        return await self._sweep()


def _deleted(loss: Loss, execution_ids: Sequence[int]) -> AuditEvent:
    details: dict[str, object] = {
        "executions": loss.executions,
        "first_execution": min(execution_ids),
        "last_execution": max(execution_ids),
        "logs": loss.logs,
        "table_bytes": loss.table_bytes,
        "archive_bytes": loss.archive_bytes,
    }
    return AuditEvent(SYSTEM, "execution.expired", "execution", None, "retention", details)
