"""一つの対象のかたまりを、バイトの位置か行の番号から探す。"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.connecting import binary_cursor
from tsubame.data_access.logstore.frames import INLINE_BYTES, decompress


def chunks_from(log_day: str, target_id: str) -> str:
    """``%(start)s`` を含むかたまりから順に選ぶ SQL。引数は、対象を表す式。

    窓の中で足すので、数える行を ``%(most)s`` で抑える。``frame`` は選ばれた行だけが読まれる。
    """
    return f"""
SELECT byte_start, byte_length, newline_start, newline_count, frame FROM (
    SELECT *, sum(byte_length) OVER (ORDER BY byte_start) - byte_length AS before
    FROM log_chunks
    WHERE log_day = {log_day} AND target_id = {target_id} AND byte_start < %(end)s
        AND byte_start >= coalesce((
            SELECT byte_start FROM log_chunks
            WHERE log_day = {log_day} AND target_id = {target_id} AND byte_start <= %(start)s
            ORDER BY byte_start DESC LIMIT 1
        ), %(start)s)
    ORDER BY byte_start LIMIT %(most)s
) AS ahead
WHERE before < %(budget)s AND byte_start + byte_length > %(start)s ORDER BY byte_start
"""


_CHUNKS: Final = chunks_from("%(log_day)s", "%(target_id)s")
# :newline 個目の改行を含むかたまり。改行のないかたまりは索引に載らないので、100 MB の一行も一度で飛び越える
_HOLDING: Final = text("""
SELECT byte_start, newline_start, newline_count FROM log_chunks
WHERE log_day = :log_day AND target_id = :target_id AND newline_count > 0 AND newline_start < :newline
ORDER BY newline_start DESC LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Chunk:
    """圧縮した一かたまり。``newline_start`` は、これより前の改行の数。"""

    byte_start: int
    byte_length: int
    newline_start: int
    newline_count: int
    frame: bytes

    @property
    def byte_end(self) -> int:
        return self.byte_start + self.byte_length


@dataclass(frozen=True, slots=True)
class Holding:
    """ある改行を含むかたまり。

    Attributes:
        nth: その中で何個目の改行か。
        newline_count: かたまりにある改行の数。``nth`` がこれを超えるなら、その改行はまだないか、消えた。
    """

    byte_start: int
    nth: int
    newline_count: int


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    target_id: TargetId
    log_day: date

    async def chunks(
        self, connection: AsyncConnection, span: tuple[int, int], budget: int, most: int
    ) -> Sequence[Chunk]:
        """``span`` の始まりを含むかたまりから順に、伸ばして ``budget`` バイトほど、``most`` 個まで。

        ``span`` の終わりより先は含まない。
        """
        start, end = span
        values = {**self._where, "start": start, "end": end, "budget": budget, "most": most}
        async with binary_cursor(connection) as cursor:
            await cursor.execute(_CHUNKS, values)
            return [Chunk(*row) for row in await cursor.fetchall()]

    async def holding(self, connection: AsyncConnection, newline: int) -> Holding:
        """``newline`` 個目の改行を含むかたまり。

        0 個目は先頭。それだけの改行がなければ、最後の改行を含むかたまり。
        """
        found = await connection.execute(_HOLDING, {**self._where, "newline": newline})
        row = found.one_or_none()
        if row is None:
            return Holding(0, newline, 0)
        return Holding(row.byte_start, newline - row.newline_start, row.newline_count)

    @property
    def _where(self) -> dict[str, object]:
        return {"log_day": self.log_day, "target_id": self.target_id}


def contiguous(chunks: Sequence[Chunk], start: int) -> Sequence[Chunk]:
    """``start`` か、その先のいちばん近い所から、切れ目なく続く分だけ。

    省いた真ん中の手前と先が、一緒に見つかることがある。
    """
    ahead = [chunk for chunk in chunks if chunk.byte_end > start]
    for at in range(1, len(ahead)):
        if ahead[at].byte_start != ahead[at - 1].byte_end:
            return ahead[:at]
    return ahead


async def unpack(chunks: Sequence[Chunk]) -> bytes:
    """伸ばしてつなぐ。大きければ、ほかの利用者を待たせないよう別のスレッドで。"""
    if sum(chunk.byte_length for chunk in chunks) <= INLINE_BYTES:
        return _join(chunks)
    return await asyncio.to_thread(_join, chunks)


def _join(chunks: Sequence[Chunk]) -> bytes:
    return b"".join(decompress(chunk.frame) for chunk in chunks)
