"""一つの対象のログを、保存が済むまで預かる。"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from tsubame.business.executions.entities import Assignment
from tsubame.business.executions.errors import LeaseLostError, LogRefusedError
from tsubame.business.executions.log_limit import LogLimit
from tsubame.business.executions.log_marks import MAX_MARKS, PlacedMark
from tsubame.business.executions.log_packing import Packed, Packer
from tsubame.business.executions.log_store import LogPiece, LogStore, LogTrim
from tsubame.business.executions.masking import MaskedBytes, Masker

BLOCK_BYTES: Final = 256 * 1024
"""圧縮の一かたまり。大きいほど縮み、小さいほど途中の行をすぐ読める。"""
# 取り込んだ長さは、この単位でだけ進む。置き場に渡す一かたまりが倍を超えないように
_SLICE_BYTES: Final = BLOCK_BYTES
_PIECE_BLOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class LogOffsets:
    """``remote`` はサーバのファイルから取り込んだ長さ、``log`` は保存した長さ。"""

    remote: int
    log: int


class Desk(Protocol):
    """預かったものを書き出す係(``LogWriter``)。"""

    @property
    def store(self) -> LogStore: ...

    def now_ms(self) -> int:
        """今の時刻(Unix、ミリ秒)。"""
        ...

    async def room_for(self, stream: "LogStream") -> None:
        """預かりすぎているあいだ待つ。"""
        ...

    async def settled(self) -> None:
        """次の書き込みが終わるのを待つ。"""
        ...

    def ready(self, stream: "LogStream", log_bytes: int) -> None:
        """書き出せるものが ``log_bytes`` 増えた(取り出せば減る)。"""
        ...

    def hold(self, memory: int) -> None:
        """預かっている記憶の量の増減。"""
        ...

    def hurry(self) -> None:
        """間をおかずに書き出させる。"""
        ...


class LogStream:
    """``write`` で預け、``finish`` で全部が保存されるのを待つ。

    Attributes:
        durable: 保存が済んだ長さ。
        held_bytes: 預かっている記憶の量(圧縮したものは圧縮後の大きさ)。
    """

    def __init__(self, desk: Desk, assignment: Assignment, masker: Masker) -> None:
        self.lease = assignment.lease
        self.durable = LogOffsets(assignment.remote_bytes, assignment.log_bytes)
        self.held_bytes = 0
        self.lost = False
        self._log_day = assignment.log_day
        self._newlines = assignment.log_newlines
        self._marks = assignment.log_marks
        self._limit = LogLimit.of(assignment.spec.max_log_bytes)
        self._trimmed_to = 0
        self._desk = desk
        self._masker = masker
        self._received = assignment.remote_bytes
        self._produced = assignment.log_bytes
        self._writing = asyncio.Lock()
        self._finished = False
        self._refusal: LogRefusedError | None = None
        self._packed: deque[Packed] = deque()
        self._packer = Packer(desk.store, assignment)
        self._waiting = 0
        self._packing = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None

    @property
    def remote_position(self) -> int:
        """受け取った長さ。このプロセスのままつなぎ直すなら、ここから続ける。"""
        return self._received

    async def write(self, data: bytes) -> None:
        """続きを預ける。預かりすぎていれば空くまで待つので、呼ぶ側は読むのを止めることになる。

        Raises:
            LeaseLostError: ほかのワーカーが引き継いだ。
            LogRefusedError: 置き場に断られた。
        """
        async with self._writing:
            if self._finished:
                raise RuntimeError("write after finish")
            for start in range(0, len(data), _SLICE_BYTES):
                piece = data if len(data) <= _SLICE_BYTES else data[start : start + _SLICE_BYTES]
                await self._desk.room_for(self)
                self._refuse_if_lost()
                # 受け取ると預かるのあいだで待たないので、取り消されても半端に進まない
                self._received += len(piece)
                self._keep(self._masker.feed(piece))
                if self._packer.size >= BLOCK_BYTES:
                    await self._pack_ahead()

    async def finish(self) -> LogOffsets:
        """持っていた末尾も出し、全部が保存され、省く分が省かれるのを待って、最後の長さを返す。

        Raises:
            LeaseLostError: ほかのワーカーが引き継いだ。
            LogRefusedError: 置き場に断られた。
        """
        async with self._writing:
            self._refuse_if_lost()
            self._finished = True
            self._keep(self._masker.flush())
            await self._packed_ahead()
        while self.durable.log < self._produced or self.trim is not None:
            self._refuse_if_lost()
            self._desk.hurry()
            await self._desk.settled()
        self._refuse_if_lost()
        return self.durable

    def _refuse_if_lost(self) -> None:
        if self._refusal is not None:
            raise LogRefusedError(str(self._refusal)) from self._refusal
        if self.lost:
            raise LeaseLostError(f"target {self.lease.target_id} epoch {self.lease.epoch}")

    def _keep(self, masked: MaskedBytes) -> None:
        size = masked.size
        if not size:
            return
        self._packer.add(masked, self._desk.now_ms())
        self._produced += size
        self._hold(size)
        self._count(size)

    def _hold(self, memory: int) -> None:
        self.held_bytes += memory
        self._desk.hold(memory)

    def _count(self, log_bytes: int) -> None:
        self._waiting += log_bytes
        self._desk.ready(self, log_bytes)

    async def _pack_ahead(self) -> None:
        """圧縮を始めて戻る。続きを受け取って伏せているあいだに、別のスレッドで進む。"""
        await self._packed_ahead()
        # 取り消しは、この仕事には届かない。預かった分は、書く側がどうなっても順に保存される
        self._ahead = asyncio.create_task(self._pack_and_tell(), name=f"pack-{self.lease.target_id}")

    async def _packed_ahead(self) -> None:
        if self._ahead is not None:
            await asyncio.wait({self._ahead})
            self._ahead.result()

    async def _pack_and_tell(self) -> None:
        await self._pack()
        self._count(0)

    async def _pack(self) -> None:
        """ばらの分を一かたまりに圧縮する。"""
        async with self._packing:
            size = self._packer.size
            packed = await self._packer.pack()
            if packed is not None and not self.lost:
                self._packed.append(packed)
                self._hold(packed.memory - size)

    async def take(self) -> LogPiece | None:
        """書き出す一切れを取り出す。なければ ``None``。``settle`` するまで次を取り出さないこと。"""
        # かたまりがあるなら、ばらの分は次に回す(すぐ一かたまりに育つ)。圧縮中なら、それを追い越さない
        if not self._packed and not self._packing.locked():
            await self._pack()
        taken = [self._packed.popleft() for _ in range(min(len(self._packed), _PIECE_BLOCKS))]
        if not taken:
            return None
        found = self._marks + sum(len(packed.marks) for packed in taken)
        piece = LogPiece(
            lease=self.lease,
            log_day=self._log_day,
            chunks=tuple(chunk for packed in taken for chunk in packed.chunks),
            byte_start=self.durable.log,
            newline_start=self._newlines,
            remote_start=self.durable.remote,
            remote_end=self.durable.remote + sum(packed.consumed for packed in taken),
            line_head=taken[-1].line_head,
            marks=self._placed(taken),
            mark_total=found,
            masked=sum(packed.masked for packed in taken),
        )
        self._count(piece.byte_start - piece.byte_end)
        return piece

    def _placed(self, taken: Sequence[Packed]) -> tuple[PlacedMark, ...]:
        """ログの中の行番号を付ける。残すのは、初めの ``MAX_MARKS`` 個だけ。"""
        marks: list[PlacedMark] = []
        newlines = self._newlines
        for packed in taken:
            marks += [replace(mark, line=newlines + mark.line + 1) for mark in packed.marks]
            newlines += sum(chunk.block.newline_count for chunk in packed.chunks)
        return tuple(marks[: max(0, MAX_MARKS - self._marks)])

    def settle(self, piece: LogPiece) -> None:
        """取り出した一切れが保存された。"""
        self.durable = LogOffsets(piece.remote_end, piece.byte_end)
        self._newlines = piece.newline_end
        self._marks = piece.mark_total
        self._hold(-piece.memory)

    @property
    def trim(self) -> LogTrim | None:
        """上限を超えて、真ん中を省くときが来た。"""
        gap_end = None if self._limit is None else self._limit.gap_end(self.durable.log)
        if self._limit is None or gap_end is None or gap_end <= self._trimmed_to or self.lost:
            return None
        return LogTrim(self.lease, self._log_day, self._limit.head, gap_end)

    def trimmed(self, trim: LogTrim) -> None:
        self._trimmed_to = trim.gap_end

    def lose(self) -> None:
        """権利を失った。預かった分は、引き継いだ者がサーバから読み直す。"""
        self.lost = True
        self._packed.clear()
        self._packer.drop()
        self._hold(-self.held_bytes)
        self._count(-self._waiting)

    def fail(self, refusal: LogRefusedError) -> None:
        """置き場に断られた。書く側は、次に預けるか終えるときに知る。"""
        self._refusal = refusal
        self.lose()

    @property
    def has_more(self) -> bool:
        return bool(self._packed or self._packer.size)
