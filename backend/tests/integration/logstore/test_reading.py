"""保存したログを、範囲と行で読む。表にあっても、保管先へ移っていても、同じ試験を通る。"""

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.logs import LogRoom, Naive, claim
from tsubame.business.executions.errors import TargetNotFoundError
from tsubame.business.executions.masking import Masker
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.lines import after_newlines

_MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_BYTES = st.lists(st.sampled_from([b"\n", b"a", b"xyz", b"\r", b"\xff\x00", b"long" * 8])).map(b"".join)


@pytest.fixture(params=["table", "directory", "s3"])
def room(request: pytest.FixtureRequest, database_url: str, engine: AsyncEngine, tmp_path: Path) -> LogRoom:
    location = None
    if request.param == "directory":
        location = f"file://{tmp_path}/archive"
    elif request.param == "s3":
        location = request.getfixturevalue("s3_location")
    return LogRoom(database_url, engine, location)


@_MANY
@given(parts=st.lists(_BYTES, max_size=12), crashes=st.sets(st.integers(0, 11)), data=st.data())
async def test_any_stream_survives_crashes_and_reads_back(
    room: LogRoom, parts: list[bytes], crashes: set[int], data: st.DataObject
) -> None:
    """どう切れて届き、どこで書く係が死んでも、続きから書けば、範囲でも行でも同じバイトが読める。"""
    log = b"".join(parts)
    target_id = await room.target()
    bounds = [0, *(sum(map(len, parts[: n + 1])) for n in range(len(parts)))]
    for stop in sorted(crashes | {len(parts)}):
        assignment = await claim(room.engine, target_id)
        async with room.writer() as writer:
            stream = writer.open(assignment, Masker())
            for end in bounds[: stop + 1]:
                await stream.write(log[stream.remote_position : end])
            if stop >= len(parts):
                await stream.finish()
    await room.settle(target_id)
    assert await room.read(target_id) == log
    start, end = sorted((data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log) + 3))))
    assert b"".join([part async for part in room.reader.read(target_id, start, end)]) == log[start:end]
    naive = Naive.of(log)
    first, count, most = (
        data.draw(st.integers(1, 20)),
        data.draw(st.integers(0, 20)),
        data.draw(st.integers(1, 9)),
    )
    lines = await room.reader.lines(target_id, first, count, most)
    expected, number, first_byte = naive.lines(first, count, most)
    assert (lines.data, lines.count) == (expected, number)
    assert number == 0 or lines.first_byte == first_byte
    assert lines.extent.lines == len(naive.rows)


async def test_every_block_of_a_large_log_is_found_by_line(room: LogRoom) -> None:
    """何万行あっても、どの行から読んでも、素朴に数えた行と同じ。"""
    chance = random.Random(7)
    log = b"".join(b"%d %s\n" % (n, b"x" * chance.randrange(200)) for n in range(30_000)) + b"tail"
    target_id = await room.write(log)
    naive = Naive.of(log)
    for first in [
        1,
        2,
        1000,
        15_000,
        29_999,
        30_000,
        30_001,
        *(chance.randrange(1, 30_000) for _ in range(30)),
    ]:
        lines = await room.reader.lines(target_id, first, 700, 65_536)
        assert (lines.data, lines.count, lines.first_byte) == naive.lines(first, 700, 65_536), first
        assert not lines.truncated


async def test_hundred_megabyte_line_costs_little(room: LogRoom) -> None:
    """100 MB の一行は頭だけが返り、その次の行も、長い行のかたまりを読まずに届く。"""
    log = b"before\n" + b"0123456789" * 10_000_000 + b"\nafter\nlast"
    target_id = await room.write(log)
    lines = await room.reader.lines(target_id, 1, 10, 65_536)
    assert lines.data == b"before\n" + log[7 : 7 + 65_536] + b"\nafter\nlast"
    assert (lines.count, lines.truncated, lines.extent.lines) == (4, True, 4)
    after = await room.reader.lines(target_id, 3, 1, 65_536)
    assert (after.data, after.first_byte, after.truncated) == (b"after\n", log.index(b"after"), False)
    async with room.engine.connect() as connection:
        # 長い行のかたまりを壊しても読めるなら、読んでいない
        await connection.execute(
            text("UPDATE log_chunks SET frame = 'broken' WHERE newline_count = 0 AND byte_start > 1000000")
        )
        await connection.commit()
    assert (await room.reader.lines(target_id, 1, 10, 65_536)).data == lines.data


async def test_unfinished_long_line_is_counted_and_cut(room: LogRoom) -> None:
    """まだ終わっていない長い行も一行と数え、切ったことを言う。"""
    target_id = await room.write(b"a\n" + b"y" * 700_000)
    lines = await room.reader.lines(target_id, 1, 5, 1000)
    assert lines.data == b"a\n" + b"y" * 1000
    assert (lines.count, lines.truncated, lines.extent.lines, lines.extent.ended) == (
        2,
        True,
        2,
        room.archive_location is not None,
    )


async def test_many_long_lines_do_not_flood(room: LogRoom) -> None:
    """どの行も長いときは、行の数を減らさず、後ろの行を短く切る。"""
    log = (b"z" * 60_000 + b"\n") * 400
    target_id = await room.write(log)
    lines = await room.reader.lines(target_id, 1, 2000, 65_536)
    assert (lines.count, lines.truncated) == (400, True)
    assert len(lines.data) < 9_000_000


async def test_following_catches_up_with_a_finished_log(room: LogRoom) -> None:
    """終わったログも、生きたログと同じ口で、少しずつ最後まで追える。遅れすぎていれば、中身は読まない。"""
    log = bytes(random.Random(9).choices(range(256), k=700_000))
    target_id = await room.write(log)
    got = b""
    while len(got) < len(log):
        piece = await room.reader.follow(target_id, len(got), 100_000, 1_000_000)
        assert 0 < len(piece.data) <= 100_000
        got += piece.data
    assert got == log
    assert (await room.reader.follow(target_id, len(log), 100_000, 1_000_000)).data == b""
    assert (await room.reader.follow(target_id, 0, 100_000, 1000)).data == b""


async def test_reading_beyond_the_end_is_empty(room: LogRoom) -> None:
    """終わりより先の行や範囲は、誤りではなく空。"""
    target_id = await room.write(b"one\ntwo\n")
    lines = await room.reader.lines(target_id, 3, 10, 100)
    assert (lines.data, lines.count, lines.first_byte) == (b"", 0, 8)
    assert [part async for part in room.reader.read(target_id, 8, 20)] == []


async def test_log_whose_pieces_are_gone_is_empty(room: LogRoom) -> None:
    """中身が片付けられた対象の行は、いつまでも探さず、空で返す。"""
    target_id = await room.write(b"one\ntwo\n")
    async with room.engine.begin() as connection:
        await connection.execute(text("DELETE FROM log_chunks"))
        # 保管したログでは、索引の行が中身への道になる
        await connection.execute(text("DELETE FROM log_archives"))
    async with asyncio.timeout(10):
        lines = await room.reader.lines(target_id, 1, 10, 100)
    assert (lines.data, lines.count) == (b"", 0)


async def test_unknown_target_is_reported(room: LogRoom) -> None:
    """ない対象は「ない」と言う。"""
    with pytest.raises(TargetNotFoundError):
        await room.reader.extent(TargetId(999))


@given(st.binary(max_size=200).map(lambda data: data.replace(b"a", b"\n")), st.integers(0, 20))
def test_after_newlines_agrees_with_splitting(data: bytes, count: int) -> None:
    """半分ずつ数える探し方は、分けて数えるのと同じ位置を指す。"""
    count = min(count, data.count(b"\n"))
    rest = data.split(b"\n", count)[-1] if count else data
    assert data[after_newlines(data, count) :] == rest
