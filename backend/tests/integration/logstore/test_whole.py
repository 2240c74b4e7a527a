"""ログの全部の性質: どう切れて届き、どこで倒れ、どこを省いても、残したものは書かれたまま読める。"""

import asyncio
import bisect
import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.logs import LogRoom, Naive, claim
from harness.masking import masker_of
from harness.waiting import eventually
from tsubame.business.executions.log_limit import LogGap, LogLimit
from tsubame.business.executions.log_marks import COMMANDS, SECTIONS, marks_of
from tsubame.business.executions.log_stream import LogStream
from tsubame.business.executions.masking import Masker
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.suspicion import has_marks, newlines

_MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_SECRET = "hunter2-hunter2"
_BYTES = st.lists(
    st.sampled_from(
        [
            b"\n", b"\n", b"a", b"xyz", b"\r", b"\xff\x00", b"long" * 8, b"::error::e", b"::gro", b"up::t",
            b"section_start:9:n\r\x1b[0Ktitle", b"section_end:9:n\r", _SECRET.encode(), _SECRET.encode()[:9],
        ]
    )
).map(b"".join)  # fmt: skip


@dataclass
class Ticking:
    """進めたときだけ進む時計。"""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 24, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    @property
    def ms(self) -> int:
        return int(self.at.timestamp() * 1000)


async def _written(
    room: LogRoom, log: bytes, bounds: list[int], crashes: set[int], most: int | None
) -> TargetId:
    """``bounds`` で切って渡し、``crashes`` のところで書く係が死に、続きから書き終える。"""
    target_id = await room.target()
    for stop in sorted({crash for crash in crashes if crash < len(bounds)} | {len(bounds)}):
        assignment = await claim(room.engine, target_id, most)
        async with room.writer() as writer:
            stream = writer.open(assignment, masker_of([_SECRET]))
            for end in bounds[: stop + 1]:
                await stream.write(log[stream.remote_position : end])
                if end % 3 == 0:
                    # 死ぬ前に確定していることも、していないこともあるように
                    await asyncio.sleep(0)
            if stop >= len(bounds):
                await stream.finish()
    return target_id


@_MANY
@given(
    parts=st.lists(_BYTES, max_size=12),
    crashes=st.sets(st.integers(0, 11)),
    most=st.none() | st.integers(4, 200),
    data=st.data(),
)
async def test_any_stream_survives_crashes_and_limits(
    room: LogRoom, parts: list[bytes], crashes: set[int], most: int | None, data: st.DataObject
) -> None:
    """伏せて切れて倒れても、上限の中と外のどちらでも、範囲・行・続きの読み方のすべてが素朴な答えと同じ。"""
    raw = b"".join(parts)
    masker = masker_of([_SECRET])
    log = masker.feed(raw).data + masker.flush().data
    bounds = [sum(map(len, parts[: n + 1])) for n in range(len(parts))]
    target_id = await _written(room, raw, bounds, crashes, most)
    extent = await room.reader.extent(target_id)
    naive = Naive.of(log)
    assert (extent.bytes, extent.lines) == (len(log), len(naive.rows))
    _check_gap(log, extent.gap, most)
    gap = extent.gap or LogGap(len(log), len(log), len(naive.rows) + 1, len(naive.rows) + 1)

    start, end = sorted((data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log) + 3))))
    read = b"".join([part async for part in room.reader.read(target_id, start, end)])
    assert read == log[start : min(end, gap.start)] + log[max(start, gap.end) : end]
    assert (
        await _followed(room, target_id, data.draw(st.integers(1, 50))) == log[: gap.start] + log[gap.end :]
    )
    await _check_lines(room, target_id, log, gap, data)
    stored = await room.reader.marks(target_id)
    assert [(one.line, one.ordinal, one.mark.kind, one.mark.text) for one in stored.marks] == [
        (number, ordinal, mark.kind, mark.text)
        for number, row in enumerate(log.split(b"\n")[:-1], 1)
        for ordinal, mark in enumerate(marks_of(row))
    ]
    assert stored.total == len(stored.marks)


def _check_gap(log: bytes, gap: LogGap | None, most: int | None) -> None:
    limit = LogLimit.of(most)
    if gap is None:
        assert limit is None or len(log) < limit.head + limit.step + limit.tail + limit.step
        return
    assert limit is not None
    # 頭は半分に一歩足りないところまで、末尾は半分から二歩先までのあいだ
    assert limit.head - limit.step < gap.start <= limit.head
    assert limit.tail <= len(log) - gap.end < limit.tail + 2 * limit.step
    broken = gap.start > 0 and log[gap.start - 1 : gap.start] != b"\n"
    assert gap.first_line == log[: gap.start].count(b"\n") + 1 + broken
    assert gap.next_line == log[: gap.end].count(b"\n") + 1
    assert not broken or gap.start == limit.head


def _durable(stream: LogStream, end: int) -> bool:
    return stream.durable.log == end


async def _followed(room: LogRoom, target_id: TargetId, most: int) -> bytes:
    got, position = b"", 0
    while True:
        piece = await room.reader.follow(target_id, position, most, 2**62)
        assert not piece.data or piece.start == position
        if piece.start + len(piece.data) == position:
            return got
        got += piece.data
        position = piece.start + len(piece.data)


async def _check_lines(
    room: LogRoom, target_id: TargetId, log: bytes, gap: LogGap, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, 20), label="first")
    count = data.draw(st.integers(1, 20), label="count")
    most = data.draw(st.integers(1, 9), label="most")
    lines = await room.reader.lines(target_id, first, count, most)
    if first < gap.first_line:
        # 頭の続き。最後の行は途中で切れているかもしれない
        expected = Naive.of(log[: gap.start]).lines(first, min(count, gap.first_line - first), most)
    elif first > gap.next_line:
        expected = Naive.of(log).lines(first, count, most)
    else:
        first = gap.next_line
        tail, number, _ = Naive.of(log[gap.end :]).lines(1, count, most)
        expected = (tail, number, gap.end)
    assert lines.first_line == first
    assert (lines.data, lines.count) == expected[:2]
    assert lines.count == 0 or lines.first_byte == expected[2]


@_MANY
@given(
    parts=st.lists(_BYTES, min_size=1, max_size=12),
    pauses=st.lists(st.sampled_from([10, 25, 4000]), min_size=12, max_size=12),
    settle=st.sets(st.integers(0, 11)),
    data=st.data(),
)
async def test_times_are_when_each_line_began_to_arrive(
    room: LogRoom, parts: list[bytes], pauses: list[int], settle: set[int], data: st.DataObject
) -> None:
    """どの行の時刻も、その最初のバイトが届いたとき。かたまりがどこで切れても同じ。"""
    log = b"".join(parts)
    clock = Ticking()
    target_id = await room.target()
    offsets, times = [], []
    async with room.writer(clock=clock) as writer:
        stream = writer.open(await claim(room.engine, target_id), Masker())
        for at, part in enumerate(parts):
            clock.at += timedelta(milliseconds=pauses[at])
            if part:
                offsets.append(stream.remote_position)
                times.append(clock.ms)
            await stream.write(part)
            if at in settle:
                end = stream.remote_position
                await eventually(functools.partial(_durable, stream, end), "確定する")
        await stream.finish()
    starts = [sum(map(len, Naive.of(log).rows[:n])) for n in range(len(Naive.of(log).rows))]
    truth = [times[bisect.bisect_right(offsets, start) - 1] for start in starts]
    first, count = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    marks = await room.reader.times(target_id, first, count)
    asked = range(first, min(first + count, len(starts) + 1))
    assert [mark.line for mark in marks] == sorted({mark.line for mark in marks})
    assert (marks[0].line == first) if asked else (marks == [])
    known = {line: [mark.at_ms for mark in marks if mark.line <= line][-1] for line in asked}
    assert known == {line: truth[line - 1] for line in asked}


@given(st.lists(st.sampled_from([b"\n", b"::", b"section_", b"start:", b"error", b"ab"]), max_size=40))
def test_suspicion_never_misses(parts: list[bytes]) -> None:
    """ざっと見て「印はない」と言ったかたまりに、印の言葉はない。"""
    data = b"".join(parts)
    assert has_marks(data) >= any(word in data for word in COMMANDS + SECTIONS)
    assert newlines(data) == data.count(b"\n")
