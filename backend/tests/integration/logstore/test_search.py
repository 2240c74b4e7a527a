"""表に置いたログを探す。"""

import asyncio
import functools
import itertools
import random
import re
from contextlib import aclosing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from harness.logs import LogRoom, Naive, claim
from harness.waiting import eventually
from tsubame.business.executions.log_search_ports import LineHit, ScanStep, SearchQuery
from tsubame.business.executions.log_stream import LogStream
from tsubame.business.executions.masking import Masker
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.search import LogSearch

_MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_BYTES = st.lists(st.sampled_from([b"\n", b"a", b"b", b"\xff", "日".encode(), b"ab" * 8])).map(b"".join)
_END = text("UPDATE targets SET state = 'succeeded' WHERE id = :id")


async def end(room: LogRoom, target_id: TargetId) -> None:
    async with room.engine.begin() as connection:
        await connection.execute(_END, {"id": target_id})


def _written(stream: LogStream, end: int) -> bool:
    return stream.durable.log >= end


async def scan(
    room: LogRoom, target_id: TargetId, query: SearchQuery, from_byte: int = 0, wanted: int = 10_000
) -> tuple[list[LineHit], list[ScanStep]]:
    search = LogSearch(room.reader.stored)
    async with aclosing(search.scan(target_id, search.prepare(query), from_byte, wanted)) as steps:
        taken = [step async for step in steps]
    return [hit for step in taken for hit in step.hits], taken


@_MANY
@given(
    parts=st.lists(_BYTES, max_size=8),
    query=st.sampled_from(
        [SearchQuery("a"), SearchQuery("ab", case=True), SearchQuery("日"), SearchQuery("a+b$", regex=True)]
    ),
    data=st.data(),
)
async def test_any_chunks_give_the_naive_answer(
    room: LogRoom, parts: list[bytes], query: SearchQuery, data: st.DataObject
) -> None:
    """どんなかたまりに分けて書かれても、どの行から探しても、一行ずつ探した答えと同じ。"""
    target_id, log = await room.target(), b"".join(parts)
    async with room.writer() as writer:
        stream = writer.open(await claim(room.engine, target_id), Masker())
        written = 0
        for part in parts:
            written += len(part)
            await stream.write(part)
            await eventually(functools.partial(_written, stream, written), "かたまりになる")
        await stream.finish()
    await end(room, target_id)
    from_byte = data.draw(st.sampled_from([0, *(found.end() for found in re.finditer(rb"\n", log))]))
    pattern, expected, byte = LogSearch(room.reader.stored).prepare(query), [], 0
    for number, row in enumerate(Naive.of(log).rows, 1):
        line = row.removesuffix(b"\n")
        found = pattern.search(line, 0, len(line))
        if byte >= from_byte and found is not None:
            expected.append((number, byte, *found))
        byte += len(row)
    hits, steps = await scan(room, target_id, query, from_byte)
    assert [(hit.line, hit.byte, hit.start, hit.end) for hit in hits] == expected
    assert sum(step.matches for step in steps) == len(expected)
    assert not steps or steps[-1].next_byte == len(log)


async def test_numbers_are_true_far_into_a_large_log(room: LogRoom) -> None:
    """何 MB も先の当たりも、行の番号と位置が正しい。"""
    chance = random.Random(5)
    rows = [b"%d %s" % (n, b"x" * chance.randrange(300)) for n in range(60_000)]
    for n in (0, 7, 29_999, 59_998, 59_999):
        rows[n] += b" needle here"
    target_id = await room.write(b"\n".join(rows))
    await end(room, target_id)
    for query in (
        SearchQuery("NEEDLE"),
        SearchQuery("needle", case=True),
        SearchQuery(r"n\w+le h", regex=True),
    ):
        hits, _ = await scan(room, target_id, query)
        assert [hit.line for hit in hits] == [1, 8, 30_000, 59_999, 60_000]
        assert all(rows[hit.line - 1][hit.start :].startswith(b"needle") for hit in hits)
        assert hits[2].byte == sum(len(row) + 1 for row in rows[:29_999])


async def test_hundred_megabyte_line_is_searched_in_pieces(room: LogRoom) -> None:
    """100 MB の一行の、かたまりや窓の境目をまたぐ当たりも見つかり、次の行の番号も正しい。"""
    row = bytearray(b"0123456789" * 10_000_000)
    for at in (262_140, 2_097_148, 50_000_000):
        row[at : at + 8] = b"<needle>"
    log = b"before\n" + row + b"\nneedle after"
    target_id = await room.write(log)
    await end(room, target_id)
    for query in (SearchQuery("<needle>"), SearchQuery("<n[^>]*>", regex=True)):
        hits, steps = await scan(room, target_id, query)
        assert [(hit.line, hit.byte, hit.start, hit.end) for hit in hits] == [(2, 7, 262_140, 262_148)]
        assert len(hits[0].text) == 300
        assert max(later.position - step.position for step, later in itertools.pairwise(steps)) < 3_000_000
    hits, _ = await scan(room, target_id, SearchQuery("after|^9$", regex=True))
    assert [(hit.line, hit.start) for hit in hits] == [(3, 7)]


async def test_hostile_pattern_is_linear(room: LogRoom) -> None:
    """後戻りする実装なら終わらない式も、ふつうの式と同じに終わる。"""
    target_id = await room.write((b"a" * 5000 + b"!\n") * 200)
    await end(room, target_id)
    async with asyncio.timeout(20):
        assert (await scan(room, target_id, SearchQuery("(a+)+$", regex=True)))[0] == []
        hits, _ = await scan(room, target_id, SearchQuery("(a|aa)+!$", regex=True))
    assert len(hits) == 200


async def test_growing_log_is_searched_once_each_line(room: LogRoom) -> None:
    """伸びているログを next_byte から探し続けると、どの行もちょうど一度、改行が来てから当たる。"""
    target_id = await room.target()
    seen: list[int] = []
    position = 0
    async with room.writer() as writer:
        stream = writer.open(await claim(room.engine, target_id), Masker())
        for n in range(12):
            await stream.write(b"hit %d\nhi" % n if n % 3 else b"t none\n")
            await eventually(lambda: stream.held_bytes == 0, "書いた分が確定する")
            hits, steps = await scan(room, target_id, SearchQuery("hit"), position)
            seen += [hit.line for hit in hits]
            position = steps[-1].next_byte if steps else position
        await stream.finish()
    await end(room, target_id)
    hits, steps = await scan(room, target_id, SearchQuery("hit"), position)
    seen += [hit.line for hit in hits]
    log = await room.read(target_id)
    assert seen == [n for n, row in enumerate(log.split(b"\n"), 1) if b"hit" in row]
    assert steps[-1].next_byte == len(log)


async def test_leaving_stops_the_work(room: LogRoom) -> None:
    """途中で閉じれば、読む仕事も伸ばす仕事も残らず、接続も返る。"""
    target_id = await room.write(b"line of some text, and more\n" * 300_000)
    search = LogSearch(room.reader.stored)
    steps = search.scan(target_id, search.prepare(SearchQuery("text")), 0, 10)
    assert (await anext(steps)).matches > 0
    await steps.aclose()
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not any(name.startswith("log-search") for name in names)
    assert room.engine.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_slow_reader_holds_no_connection(room: LogRoom) -> None:
    """受け手が取りに来ないあいだは、先の一まとめを用意したところで待ち、接続は持たない。"""
    target_id = await room.write(b"line of some text, and more\n" * 300_000)
    search = LogSearch(room.reader.stored)
    async with aclosing(search.scan(target_id, search.prepare(SearchQuery("text")), 0, 10)) as steps:
        first = await anext(steps)
        pool = room.engine.sync_engine.pool
        await eventually(lambda: pool.checkedout() == 0, "接続を返す")  # type: ignore[attr-defined]
        assert first.position < 3_000_000
