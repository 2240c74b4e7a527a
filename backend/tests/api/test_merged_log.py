"""届いた順の一本のログ。"""

import base64
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import found, problem
from harness.logs import LogRoom, add_targets
from tsubame.data_access.logstore.frames import compress
from tsubame.data_access.logstore.partitions import create_partitions

_START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
_CHUNK = text(
    "INSERT INTO log_chunks"
    " (log_day, target_id, byte_start, byte_length, newline_start, newline_count, arrived_at, frame)"
    " VALUES ('2026-11-24', :target_id, :byte_start, :byte_length, :newline_start, :newline_count,"
    " :at, :frame)"
)
_SIZE = text(
    "UPDATE targets SET log_bytes = :bytes, log_newlines = :newlines, log_open_line = :open, state = :state"
    " WHERE id = :id"
)
_EXECUTION = text("SELECT execution_id FROM targets WHERE id = :id")

Row = tuple[int, int, int, bytes]


@pytest.fixture
async def room(engine: AsyncEngine, database_url: str) -> LogRoom:
    await create_partitions(engine, [_START.date()])
    return LogRoom(database_url, engine)


async def arrive(room: LogRoom, target_id: int, chunks: list[tuple[int, bytes]], state: str) -> list[Row]:
    """かたまりを決まった時刻(始まりからのミリ秒)に届いたことにし、あるべき行を返す。"""
    log, expected = b"", []
    async with room.engine.begin() as connection:
        for at, data in chunks:
            newlines = log.count(b"\n")
            await connection.execute(
                _CHUNK,
                {
                    "target_id": target_id,
                    "byte_start": len(log),
                    "byte_length": len(data),
                    "newline_start": newlines,
                    "newline_count": data.count(b"\n"),
                    "at": _START + timedelta(milliseconds=at),
                    "frame": compress(data),
                },
            )
            log += data
            rows = log.split(b"\n")
            expected += [(at, target_id, n + 1, rows[n]) for n in range(newlines, log.count(b"\n"))]
        size = {"bytes": len(log), "newlines": log.count(b"\n"), "open": bool(log) and log[-1:] != b"\n"}
        await connection.execute(_SIZE, {**size, "state": state, "id": target_id})
    if size["open"] and state != "running":
        expected.append((chunks[-1][0], target_id, log.count(b"\n") + 1, log.split(b"\n")[-1]))
    return expected


async def add(
    room: LogRoom, logs: list[list[tuple[int, bytes]]], state: str = "succeeded"
) -> tuple[int, list[Row]]:
    """実行と、届いた順にあるべき行の全部。"""
    targets = await add_targets(room.engine, len(logs))
    rows = [row for n, chunks in enumerate(logs) for row in await arrive(room, targets[n], chunks, state)]
    async with room.engine.connect() as connection:
        execution = (await connection.execute(_EXECUTION, {"id": targets[0]})).scalar_one()
    return execution, sorted(rows)


async def page(client: httpx.AsyncClient, execution: int, **params: Any) -> tuple[list[Row], dict[str, Any]]:
    params = {name: value for name, value in params.items() if value is not None}
    body = found(await client.get(f"/executions/{execution}/log/merged", params=params))
    origin = int(_START.timestamp() * 1000)
    rows = [
        (row["at_ms"] - origin, row["target_id"], row["line"], base64.b64decode(row["data"]))
        for row in body["rows"]
    ]
    return rows, body


def random_log(chance: random.Random) -> list[tuple[int, bytes]]:
    at, chunks = 0, []
    for _ in range(chance.randrange(12)):
        at += chance.choice([0, 0, 1, 5, 40])
        chunks.append((at, bytes(chance.choices(b"ab\n\n", k=chance.randrange(1, 9)))))
    return chunks


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [1, 3, 1000])
async def test_pages_in_both_directions_cover_everything(
    admin: httpx.AsyncClient, room: LogRoom, seed: int, count: int
) -> None:
    """前からたどっても後ろからたどっても、どの行もちょうど一度、時刻・対象・行の順に現れる。"""
    chance = random.Random(seed)
    execution, expected = await add(room, [random_log(chance) for _ in range(4)])
    for direction, onward in (("forward", "after"), ("backward", "before")):
        seen: list[Row] = []
        cursor = None
        while True:
            rows, body = await page(admin, execution, count=count, direction=direction, cursor=cursor)
            seen = seen + rows if direction == "forward" else rows + seen
            cursor = body[onward]
            if cursor is None:
                break
        assert seen == expected, direction


async def test_turning_back_gives_the_rows_before(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """途中で向きを変えても、隣の行に着く。"""
    execution, expected = await add(room, [[(n, b"%d\n" % n) for n in range(10)], [(4, b"x\ny\n")]])
    first, body = await page(admin, execution, count=4)
    assert (first, body["before"]) == (expected[:4], None)
    second, body = await page(admin, execution, count=4, cursor=body["after"])
    assert second == expected[4:8]
    back, _ = await page(admin, execution, count=4, cursor=body["before"], direction="backward")
    assert back == expected[:4]


async def test_chosen_targets_only(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """選んだ対象の行だけが並ぶ。よその実行の対象は断る。"""
    execution, expected = await add(room, [[(0, b"a\n")], [(1, b"b\n")], [(2, b"c\n")]])
    targets = [row[1] for row in expected]
    rows, _ = await page(admin, execution, target_ids=[targets[0], targets[2]])
    assert rows == [expected[0], expected[2]]
    answer = await admin.get(f"/executions/{execution}/log/merged", params={"target_ids": 9999})
    assert problem(answer, 404)["code"] == "target_not_found"


async def test_running_log_keeps_a_cursor_and_brings_what_grew(
    admin: httpx.AsyncClient, room: LogRoom
) -> None:
    """走っているあいだは続きの目印がいつもあり、増えた行がそこから来る。途中の行は、改行が来てから。"""
    targets = await add_targets(room.engine, 2)
    async with room.engine.connect() as connection:
        execution = (await connection.execute(_EXECUTION, {"id": targets[0]})).scalar_one()
    rows, body = await page(admin, execution)
    assert (rows, body["before"]) == ([], None)
    first = await arrive(room, targets[0], [(0, b"one\ntw")], "running")
    rows, body = await page(admin, execution, cursor=body["after"])
    assert rows == first == [(0, targets[0], 1, b"one")]
    second = await arrive(room, targets[1], [(9, b"other\nlast")], "failed")
    rows, body = await page(admin, execution, cursor=body["after"])
    assert rows == second
    assert body["after"] is not None


async def test_fresh_lines_wait_until_their_order_is_settled(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """届いたばかりの行は、前に割り込む行がなくなるまで見せない。全部が終われば、すぐ見せる。"""
    just_now = int((datetime.now(UTC) - _START).total_seconds() * 1000) + 60_000
    execution, _ = await add(room, [[(0, b"old\n"), (just_now, b"new\n")]], "running")
    assert [row[3] for row in (await page(admin, execution))[0]] == [b"old"]
    async with room.engine.begin() as connection:
        await connection.execute(text("UPDATE targets SET state = 'succeeded'"))
    assert [row[3] for row in (await page(admin, execution))[0]] == [b"old", b"new"]


async def test_long_line_is_clipped(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """長い行は頭の 4 KiB だけが来る。"""
    execution, _ = await add(room, [[(0, b"z" * 10_000 + b"\nnext\n")]])
    rows, _ = await page(admin, execution)
    assert [row[3] for row in rows] == [b"z" * 4096, b"next"]


@pytest.mark.parametrize("cursor", ["x", "WzFd", "WzEsMiwieCJd", "Wy0xLDEsMV0", "WzFlOTksMSwxXQ"])
async def test_made_up_cursor_is_refused(admin: httpx.AsyncClient, room: LogRoom, cursor: str) -> None:
    """作りものの目印は断る。"""
    execution, _ = await add(room, [[(0, b"a\n")]])
    answer = await admin.get(f"/executions/{execution}/log/merged", params={"cursor": cursor})
    assert problem(answer, 422)["code"] == "invalid_input"
