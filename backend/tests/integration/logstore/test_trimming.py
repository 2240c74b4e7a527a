"""上限を超えたログの真ん中を省く。"""

import functools

import pytest
from sqlalchemy import text

from harness.logs import LogRoom, claim
from harness.waiting import eventually
from tsubame.business.executions.log_limit import LogLimit
from tsubame.business.executions.log_store import LogTrim
from tsubame.business.executions.log_stream import LogStream
from tsubame.business.executions.masking import Masker
from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.chunks import ChunkStore

_MIB = 1024 * 1024


class FailingTrim(ChunkStore):
    """省くことだけが、何度か届かない置き場。"""

    failures = 3

    async def trim(self, trim: LogTrim) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailableError("away")
        await super().trim(trim)


class NeverTrims(ChunkStore):
    """省く前に、いつも倒れる置き場。"""

    async def trim(self, trim: LogTrim) -> None:
        raise StorageUnavailableError("away")


def _caught_up(stream: LogStream, end: int) -> bool:
    return stream.durable.log == end and stream.trim is None


async def _stored(room: LogRoom, target_id: TargetId) -> int:
    async with room.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT COALESCE(sum(byte_length), 0) FROM log_chunks WHERE target_id = :id"),
            {"id": target_id},
        )
        return int(found.scalar_one())


async def test_endless_log_keeps_its_size(room: LogRoom) -> None:
    """書き続けても、置き場にあるのは上限のあたりまで。いつでも頭と、新しい末尾が読める。"""
    target_id = await room.target()
    limit = LogLimit.of(_MIB)
    assert limit is not None
    line = b"0123456789abcdef" * 8 + b"\n"
    log = b""
    async with room.writer() as writer:
        stream = writer.open(await claim(room.engine, target_id, _MIB), Masker())
        for _ in range(12):
            part = line * 4000
            log += part
            await stream.write(part)
            await eventually(functools.partial(_caught_up, stream, len(log)), "追いつく")
            assert await _stored(room, target_id) <= _MIB + 2 * limit.step
            extent = await room.reader.extent(target_id)
            last = await room.reader.lines(target_id, extent.lines, 1, 1000)
            assert (last.data, last.first_byte) == (line, len(log) - len(line))
        await stream.finish()
    gap = (await room.reader.extent(target_id)).gap
    assert gap is not None
    assert await room.read(target_id) == log[: gap.start] + log[gap.end :]


async def test_trim_is_retried(room: LogRoom) -> None:
    """省くことが届かなければ、届くまでやり直し、終わりはそれを待つ。"""
    target_id = await room.target()
    async with room.writer(FailingTrim(room.url, room.engine)) as writer:
        stream = writer.open(await claim(room.engine, target_id, 1000), Masker())
        await stream.write(b"0123456789\n" * 1000)
        await stream.finish()
    assert await _stored(room, target_id) < 1300


async def test_successor_trims_what_was_left(room: LogRoom) -> None:
    """書いてから省くまでのあいだに倒れても、引き継いだ者が、何も書かずとも省く。"""
    target_id = await room.target()
    log = b"0123456789\n" * 1000
    async with room.writer(NeverTrims(room.url, room.engine)) as writer:
        stream = writer.open(await claim(room.engine, target_id, 1000), Masker())
        await stream.write(log)
        await eventually(lambda: stream.durable.log == len(log), "書ける")
    assert await _stored(room, target_id) == len(log)
    async with room.writer() as writer:
        await writer.open(await claim(room.engine, target_id, 1000), Masker()).finish()
    assert await _stored(room, target_id) < 1300
    gap = (await room.reader.extent(target_id)).gap
    assert gap is not None
    assert await room.read(target_id) == log[: gap.start] + log[gap.end :]


async def test_stale_owner_cannot_trim(room: LogRoom) -> None:
    """引き継がれたあとの古い持ち主は、省くこともできない。"""
    target_id = await room.write(b"0123456789\n" * 1000)
    stale = await claim(room.engine, target_id)
    await claim(room.engine, target_id)
    store = ChunkStore(room.url, room.engine)
    await store.trim(LogTrim(stale.lease, stale.log_day, 500, 5000))
    await store.close()
    assert (await room.reader.extent(target_id)).gap is None
    assert await _stored(room, target_id) == 11_000


async def test_trim_given_twice_changes_nothing(room: LogRoom) -> None:
    """返事だけが失われて渡し直しても、同じ所で省いたまま。"""
    target_id = await room.write(b"0123456789\n" * 1000, max_log_bytes=1000)
    before = await room.reader.extent(target_id)
    assert before.gap is not None
    assignment = await claim(room.engine, target_id)
    store = ChunkStore(room.url, room.engine)
    for gap_end in (before.gap.end, before.gap.start, 0):
        await store.trim(LogTrim(assignment.lease, assignment.log_day, 500, gap_end))
    await store.close()
    assert await room.reader.extent(target_id) == before


@pytest.mark.parametrize("first", [1, 400, 999, 1000])
async def test_reader_survives_a_gap_opening_under_it(room: LogRoom, first: int) -> None:
    """長さを見たあとで真ん中が消えても、ほかの行を、求めた行だとは言わない。"""
    target_id = await room.write(b"".join(b"%09d\n" % n for n in range(1, 1001)), max_log_bytes=1000)
    async with room.engine.begin() as connection:
        # 省いた所の記録だけがまだ見えない読み手
        await connection.execute(
            text("UPDATE targets SET log_gap_start = NULL WHERE id = :id"), {"id": target_id}
        )
    lines = await room.reader.lines(target_id, first, 1, 100)
    assert lines.data in {b"", b"%09d\n" % first}
