"""ログの時刻・印・省いた真ん中の道。"""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import found, problem
from harness.logs import LogRoom, claim
from harness.waiting import eventually
from tsubame.business.executions.log_marks import MAX_MARKS
from tsubame.business.executions.masking import Masker
from tsubame.business.shared.ids import TargetId

_END = text("UPDATE targets SET state = 'succeeded', finished_at = now() WHERE id = :id")
# 上限を 1000 にすると、頭と末尾が 500 ずつ残る
LONG = b"".join(b"line %06d of log\n" % n for n in range(1, 201))
WIDTH = len(LONG) // 200


class Steps:
    """呼ぶたびに一秒進む時計。"""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def room(engine: AsyncEngine, database_url: str) -> LogRoom:
    return LogRoom(database_url, engine)


async def _end(room: LogRoom, target: TargetId) -> None:
    async with room.engine.begin() as connection:
        await connection.execute(_END, {"id": target})


async def test_times_group_lines(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """同じときに届いた行は一つにまとまり、途中から求めても、その行の時刻が最初に来る。"""
    target = await room.target()
    async with room.writer(clock=Steps()) as writer:
        stream = writer.open(await claim(room.engine, target), Masker())
        for part in (b"1\n2\n3", b"\n4\n", b"5\n"):
            await stream.write(part)
        await stream.finish()
    start = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) * 1000
    body = found(await admin.get(f"/targets/{target}/log/times"))
    assert body["marks"] == [
        {"line": line, "at_ms": start + seconds * 1000} for line, seconds in [(1, 1), (4, 2), (5, 3)]
    ]
    body = found(await admin.get(f"/targets/{target}/log/times?from=3&count=2"))
    assert body["marks"] == [
        {"line": line, "at_ms": start + seconds * 1000} for line, seconds in [(3, 1), (4, 2)]
    ]
    assert found(await admin.get(f"/targets/{target}/log/times?from=6"))["marks"] == []
    assert problem(await admin.get(f"/targets/{target}/log/times?count=5001"), 422)


async def test_times_of_older_logs(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """控えのない版が書いたログでは、書いた時刻が答えになる。"""
    target = await room.write(b"1\n2\n")
    async with room.engine.begin() as connection:
        await connection.execute(
            text("UPDATE log_chunks SET arrivals = NULL, starts_line = NULL, arrived_at = to_timestamp(7)")
        )
    body = found(await admin.get(f"/targets/{target}/log/times"))
    assert body["marks"] == [{"line": 1, "at_ms": 7000}]


async def test_outline(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """台本の書いた区切りと注記が、行の番号で読める。最後の行に改行がなくても、終われば数える。"""
    target = await room.write(
        b"start\n\x1b[36m::group::Build\nx\n::warning file=a.c,line=7::odd\n::endgroup::\n"
        b"section_start:1700000000:t[collapsed=true]\r\x1b[0KTests\n::error::broken"
    )
    body = found(await admin.get(f"/targets/{target}/log/marks"))
    assert [(one["line"], one["level"]) for one in body["annotations"]] == [(4, "warning")]
    await _end(room, target)
    body = found(await admin.get(f"/targets/{target}/log/marks"))
    assert body["annotations"] == [
        {"line": 4, "level": "warning", "message": "odd", "file": "a.c", "file_line": 7},
        {"line": 7, "level": "error", "message": "broken", "file": None, "file_line": None},
    ]
    build, tests = body["sections"]
    assert (build["first_line"], build["last_line"], build["title"]) == (2, 5, "Build")
    assert (build["depth"], build["collapsed"]) == (0, False)
    assert build["started_ms"] <= build["ended_ms"]
    assert tests == {
        "first_line": 6, "last_line": None, "title": "Tests", "depth": 0, "collapsed": True,
        "started_ms": 1_700_000_000_000, "ended_ms": None,
    }  # fmt: skip
    assert body["truncated"] is False


async def test_half_written_mark_survives_a_crash(room: LogRoom) -> None:
    """印の行が半分だけ保存されたところで倒れても、引き継いだ者が、頭から見て一度だけ見つける。"""
    target = await room.target()
    async with room.writer() as writer:
        stream = writer.open(await claim(room.engine, target), Masker())
        await stream.write(b"one\n\x1b[31m::err")
        await eventually(lambda: stream.durable.log > 4, "半分が確定する")
    async with room.writer() as writer:
        stream = writer.open(await claim(room.engine, target), Masker())
        await stream.write(b"or::two\nthree\n")
        await stream.finish()
    stored = await room.reader.marks(target)
    assert [(one.line, one.mark.text) for one in stored.marks] == [(2, "two")]


async def test_marks_are_capped_and_counted(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """印が多すぎれば、残すのは初めの分だけで、残りは数える。"""
    target = await room.write(b"::notice::n\n" * (MAX_MARKS + 5))
    stored = await room.reader.marks(target)
    assert (len(stored.marks), stored.total) == (MAX_MARKS, MAX_MARKS + 5)
    body = found(await admin.get(f"/targets/{target}/log/marks"))
    assert (len(body["annotations"]), body["truncated"]) == (5000, True)


async def test_gap_is_told_everywhere(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """上限を超えたログは、どの道でも真ん中がないと言い、行番号と位置は変わらない。"""
    target = await room.write(LONG, max_log_bytes=1000)
    await _end(room, target)
    gap = (await room.reader.extent(target)).gap
    assert gap is not None
    body = found(await admin.get(f"/targets/{target}"))
    assert body["log_gap"] == {
        "first_line": gap.first_line, "last_line": gap.last_line, "bytes": gap.end - gap.start,
    }  # fmt: skip
    assert (body["log_bytes"], body["log_lines"]) == (len(LONG), 200)
    missing = f"{gap.first_line}-{gap.last_line}"

    answer = await admin.get(f"/targets/{target}/log/lines", params={"from": gap.first_line + 3, "count": 2})
    assert answer.headers["x-log-gap"] == missing
    assert answer.headers["x-log-first-line"] == str(gap.last_line + 1)
    assert answer.headers["x-log-first-byte"] == str(gap.end)
    assert answer.content == LONG[gap.end : gap.end + 2 * WIDTH]
    before = await admin.get(f"/targets/{target}/log/lines", params={"from": gap.first_line - 1, "count": 9})
    assert (before.content, before.headers["x-log-line-count"]) == (LONG[gap.start - WIDTH : gap.start], "1")

    whole = (await admin.get(f"/targets/{target}/log")).content
    head, notice, tail = LONG[: gap.start], whole[gap.start : -len(LONG) + gap.end], LONG[gap.end :]
    assert whole == head + notice + tail
    assert notice.count(b"\n") == 1
    assert f"{gap.bytes} bytes".encode() in notice
    assert missing.replace("-", " to ").encode() in notice


@pytest.mark.parametrize(("start", "end"), [(0, 10), (490, 520), (505, 509), (499, 800), (700, 760)])
async def test_ranges_count_the_notice(admin: httpx.AsyncClient, room: LogRoom, start: int, end: int) -> None:
    """Range の位置は、落としたファイルの中のもの。"""
    target = await room.write(LONG, max_log_bytes=1000)
    await _end(room, target)
    whole = (await admin.get(f"/targets/{target}/log")).content
    answer = await admin.get(f"/targets/{target}/log", headers={"Range": f"bytes={start}-{end - 1}"})
    assert (answer.status_code, answer.content) == (206, whole[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(whole)}"


async def test_log_in_one_line_is_cut_too(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """改行のないログも省く。丸ごとない行はなく、知らせの一行は、その行から離して入る。"""
    target = await room.write(b"x" * 5000, max_log_bytes=1000)
    await _end(room, target)
    body = found(await admin.get(f"/targets/{target}"))
    assert (body["log_gap"]["first_line"], body["log_gap"]["last_line"], body["log_lines"]) == (2, 1, 1)
    whole = (await admin.get(f"/targets/{target}/log")).content
    assert whole.startswith(b"x" * 500 + b"\n[tsubame-ci] ")
    lines = await admin.get(f"/targets/{target}/log/lines")
    assert (lines.content, lines.headers["x-log-gap"]) == (b"x" * 500, "2-1")


async def test_running_log_with_a_gap_promises_no_length(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """走っているあいだは省く所が動くので、長さを約束しない。"""
    target = await room.write(LONG, max_log_bytes=1000)
    answer = await admin.get(f"/targets/{target}/log")
    assert "content-length" not in answer.headers
    assert answer.content.startswith(LONG[:400])


async def test_log_below_the_limit_has_no_gap(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """上限に届かなければ、何も変わらない。"""
    target = await room.write(LONG, max_log_bytes=len(LONG))
    assert found(await admin.get(f"/targets/{target}"))["log_gap"] is None
    assert "x-log-gap" not in (await admin.get(f"/targets/{target}/log/lines")).headers
    assert (await admin.get(f"/targets/{target}/log")).content == LONG
