"""同じ出力の対象をまとめる。「47 台は同じ、3 台は違う」と見せるため。"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tsubame.business.executions.log_limit import LogGap
from tsubame.business.executions.ports import ExecutionRepository, LogReader
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.transactions import Transactions

MAX_COMPARED_BYTES: Final = 64 * 1024 * 1024
_TIME_LIMIT_S: Final = 10.0
_BATCH: Final = 32
_AT_ONCE: Final = 4
# これより小さければ、別のスレッドに渡すより、その場で計算するほうが早い
_INLINE_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """終わった対象の、保存した出力。``digest`` は、前に計算していれば、その要約。"""

    target_id: TargetId
    log_bytes: int
    log_lines: int
    digest: bytes | None
    gap: LogGap | None = None


class OutputRepository(Protocol):
    """出力を比べるための、対象の行の読み書き。どれも、その位置の最後の試みだけを見る。"""

    async def running(self, execution_id: ExecutionId) -> int:
        """まだ終わっていない対象の数。"""
        ...

    async def ended(self, execution_id: ExecutionId) -> list[StoredOutput]:
        """動いて終わった対象を、並びの順に。動かせずに終わったものは含まない。"""
        ...

    async def remember(self, digests: Mapping[TargetId, bytes]) -> None: ...


@dataclass(frozen=True, slots=True)
class OutputGroup:
    """同じ出力の対象。``too_large`` なら、大きすぎて比べていない一つの対象。"""

    target_ids: tuple[TargetId, ...]
    log_bytes: int
    log_lines: int
    too_large: bool


@dataclass(frozen=True, slots=True)
class Outputs:
    """``groups`` は多い順。

    Attributes:
        running: まだ終わっていない対象の数。
        pending: 時間のうちに比べられなかった対象の数。もう一度尋ねれば、続きから比べる。
    """

    groups: tuple[OutputGroup, ...]
    running: int
    pending: int


class OutputTx(Protocol):
    @property
    def executions(self) -> ExecutionRepository: ...

    @property
    def outputs(self) -> OutputRepository: ...


class OutputService:
    def __init__(self, transactions: Transactions[OutputTx], reader: LogReader) -> None:
        self._transactions = transactions
        self._reader = reader

    async def groups(self, actor: Actor, execution_id: ExecutionId) -> Outputs:
        """Raises: ExecutionNotFoundError, StorageUnavailableError。"""
        reach = actor.reach(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            await tx.executions.get(execution_id, reach)
            running = await tx.outputs.running(execution_id)
            stored = await tx.outputs.ended(execution_id)
        doubtful = [output for output in needing_digest(stored) if output.digest is None]
        fresh = await self._digest(doubtful)
        known = {output.target_id: output.digest for output in stored if output.digest is not None} | fresh
        left = {output.target_id for output in doubtful} - fresh.keys()
        compared = [output for output in stored if output.target_id not in left]
        return Outputs(group(compared, known), running, len(left))

    async def _digest(self, outputs: Sequence[StoredOutput]) -> dict[TargetId, bytes]:
        """時間の限り計算し、終わった分から覚える。覚えたものは、次から読まずに済む。"""
        found: dict[TargetId, bytes] = {}
        deadline = time.monotonic() + _TIME_LIMIT_S
        for start in range(0, len(outputs), _BATCH):
            batch = await self._digest_batch(outputs[start : start + _BATCH], deadline)
            if batch:
                async with self._transactions.begin() as tx:
                    await tx.outputs.remember(batch)
            found |= batch
            if time.monotonic() > deadline:
                break
        return found

    async def _digest_batch(self, batch: Sequence[StoredOutput], deadline: float) -> dict[TargetId, bytes]:
        seats = asyncio.Semaphore(_AT_ONCE)
        found: dict[TargetId, bytes] = {}

        async def one(output: StoredOutput) -> None:
            async with seats:
                digest = await self._digest_one(output, deadline)
            if digest is not None:
                found[output.target_id] = digest

        async with asyncio.TaskGroup() as tasks:
            for output in batch:
                tasks.create_task(one(output), name=f"output-digest-{output.target_id}")
        return found

    async def _digest_one(self, output: StoredOutput, deadline: float) -> bytes | None:
        """時間が尽きたら ``None``。"""
        digest, length = hashlib.sha256(), 0
        async for piece in self._reader.read(output.target_id, 0, output.log_bytes):
            if time.monotonic() > deadline:
                return None
            if len(piece) > _INLINE_BYTES:
                await asyncio.to_thread(digest.update, piece)
            else:
                digest.update(piece)
            length += len(piece)
        gap = output.gap
        if gap is not None:
            # 省いた所が違えば、残った中身が同じでも、同じとは言わない
            digest.update(b"gap %d %d" % (gap.start, gap.end))
            length += gap.bytes
        if length < output.log_bytes:
            # 読んでいるあいだに消えた。中身が分からないものを、ほかと同じとは言わない
            digest.update(b"gone %d" % output.target_id)
        return digest.digest()


def needing_digest(outputs: Iterable[StoredOutput]) -> list[StoredOutput]:
    """長さがほかと同じで、中身を比べないと分からないもの。長さの違う二つが同じことはない。"""
    listed = list(outputs)
    sizes = Counter(output.log_bytes for output in listed)
    return [
        output
        for output in listed
        if 0 < output.log_bytes <= MAX_COMPARED_BYTES and sizes[output.log_bytes] > 1
    ]


def group(outputs: Iterable[StoredOutput], digests: Mapping[TargetId, bytes]) -> tuple[OutputGroup, ...]:
    """長さと要約が同じものをまとめる。多い順、同じ数なら先に並んでいたほうから。"""
    gathered: dict[tuple[object, ...], list[StoredOutput]] = {}
    for output in outputs:
        too_large = output.log_bytes > MAX_COMPARED_BYTES
        sameness = output.target_id if too_large else digests.get(output.target_id)
        gathered.setdefault((output.log_bytes, sameness), []).append(output)
    groups = [
        OutputGroup(
            target_ids=tuple(output.target_id for output in same),
            log_bytes=same[0].log_bytes,
            log_lines=same[0].log_lines,
            too_large=same[0].log_bytes > MAX_COMPARED_BYTES,
        )
        for same in gathered.values()
    ]
    return tuple(sorted(groups, key=lambda one: -len(one.target_ids)))
