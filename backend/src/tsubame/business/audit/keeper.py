"""鎖の番人: 残った記録をつなぎ、ときどき全部を確かめ、保存期間を過ぎた分を消す。"""

import logging
from datetime import datetime, timedelta
from typing import Final

from tsubame.business.audit.chain import link_after
from tsubame.business.audit.entities import Head, LinkedEvent
from tsubame.business.audit.ports import AuditTx
from tsubame.business.audit.verification import Verifier
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.transactions import Transactions

_LINK_BATCH: Final = 500
_EXPIRE_BATCH: Final = 5_000
_CHECK_EVERY: Final = timedelta(hours=6)
_EXPIRE_EVERY: Final = timedelta(hours=1)
_TELL_EVERY: Final = timedelta(hours=1)
_log = logging.getLogger(__name__)


class AuditKeeper:
    """どのプロセスにもいてよい。つなぐ番は、取引に付く助言的な鎖で一人だけが取る。

    記録を書く取引の中ではつながない。つなぐには一つ前のハッシュが要り、確定するまでほかの全員を待たせて
    しまうため(ADR 0025 に測り)。確定した記録を、一秒のうちに後から追いかけてつなぐ。
    """

    def __init__(self, transactions: Transactions[AuditTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._verifier = Verifier(transactions)
        self._expired_at: datetime | None = None
        self._told_at: datetime | None = None
        self._told = Head(0, b"")

    async def follow(self) -> None:
        """確定した記録をつなぐ。毎秒。Raises: StorageUnavailableError。"""
        await self.link()
        await self._tell()

    async def patrol(self) -> None:
        """全部を確かめ、古い分を消す。長くかかりうるので、つなぐのとは別に回す。

        Raises: StorageUnavailableError。
        """
        await self._check()
        await self._expire()

    async def link(self) -> int:
        """待っている記録を全部つなぎ、その数を返す。ほかの者がつないでいれば、任せる。"""
        total = 0
        while True:
            async with self._transactions.begin() as tx:
                # 休んでいるあいだ、毎秒の番取りで書き込みを起こさない
                if not await tx.audit_chain.waiting_count() or not await tx.audit_chain.take_turn():
                    return total
                head = await tx.audit_chain.head()
                linked = []
                for event in await tx.audit_chain.waiting(_LINK_BATCH):
                    link = link_after(head, event)
                    linked.append(LinkedEvent(event, link))
                    head = Head(link.position, link.hash)
                await tx.audit_chain.append(linked)
            total += len(linked)
            if len(linked) < _LINK_BATCH:
                return total

    async def _tell(self) -> None:
        """先のハッシュを、プロセスの記録に出す。記録を集める仕組みが、そのまま「よそに控える」ことになる。"""
        now = self._clock.now()
        if self._told_at is not None and now - self._told_at < _TELL_EVERY:
            return
        self._told_at = now
        async with self._transactions.look() as tx:
            head = await tx.audit_chain.head()
        if head != self._told and head.position:
            self._told = head
            _log.info("audit_head position=%d hash=%s", head.position, head.hash.hex())

    async def _check(self) -> None:
        async with self._transactions.look() as tx:
            state = await tx.audit_chain.state()
        if state.checked_at is not None and self._clock.now() - state.checked_at < _CHECK_EVERY:
            return
        result = await self._verifier.run()
        if result.fault is not None:
            _log.error("audit_chain_broken code=%s detail=%s", result.fault.code, result.fault.detail)
        async with self._transactions.begin() as tx:
            await tx.audit_chain.report_check(result.head.position, result.fault)

    async def _expire(self) -> None:
        now = self._clock.now()
        if self._expired_at is not None and now - self._expired_at < _EXPIRE_EVERY:
            return
        self._expired_at = now
        async with self._transactions.look() as tx:
            state = await tx.audit_chain.state()
        if state.keep_days is None or state.fault is not None:
            # 乱れが見つかっているあいだは消さない。証拠まで消してしまう
            return
        while True:
            async with self._transactions.begin() as tx:
                if not await tx.audit_chain.take_turn():
                    return
                gone = await tx.audit_chain.expire(_EXPIRE_BATCH)
            if gone:
                _log.info("audit_expired events=%d", gone)
            if gone < _EXPIRE_BATCH:
                return
