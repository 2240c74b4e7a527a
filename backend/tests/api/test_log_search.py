"""ログを探す道。"""

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Message

from harness.api import Api, problem
from harness.logs import LogRoom
from harness.waiting import eventually
from tsubame.business.executions import log_search
from tsubame.business.executions.log_search_ports import SearchQuery
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import TargetId
from tsubame.business.shared.permissions import Role

LOG = b"one\nTwo \xff needle\nthree\nneedle Needle\n" + "針 needle\n".encode()
_ADD_JOB = text(
    "INSERT INTO jobs (project_id, name, kind, spec) VALUES (1, 'nightly', 'script', '{}') RETURNING id"
)
_ADD_EXECUTION = text(
    "INSERT INTO executions (project_id, job_id, job_name, spec, state, state_counts, target_count,"
    " requested_by_name, created_at)"
    " VALUES (1, :job_id, 'nightly', '{}', 'succeeded', '{}', 2, 'tester', :created_at) RETURNING id"
)


@pytest.fixture
def room(engine: AsyncEngine, database_url: str) -> LogRoom:
    return LogRoom(database_url, engine)


async def ask(client: httpx.AsyncClient, address: str, **params: str | int | bool) -> list[dict[str, Any]]:
    answer = await client.get(address, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def of(messages: list[dict[str, Any]], kind: str, *fields: str) -> list[Any]:
    picked = [message for message in messages if message["type"] == kind]
    return [tuple(message[name] for name in fields) for message in picked]


async def test_one_match_per_line(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """当たった行ごとに一つ、番号・位置・文が流れ、最後に数と続きの位置が来る。"""
    target = await room.write(LOG)
    messages = await ask(admin, f"/targets/{target}/log/search", q="needle")
    assert of(messages, "match", "line", "byte", "start", "end") == [
        (2, 4, 6, 12),
        (4, 23, 0, 6),
        (5, 37, 4, 10),
    ]
    assert of(messages, "match", "text", "text_start")[0] == ("Two \ufffd needle", 0)
    assert of(messages, "end", "matches", "truncated", "next_byte") == [(3, False, len(LOG))]


@pytest.mark.parametrize(
    ("params", "lines"),
    [
        ({"q": "Needle", "case": True}, [4]),
        ({"q": "^n.*e$", "regex": True}, [4]),
        ({"q": "need", "word": True}, []),
        ({"q": "針"}, [5]),
        ({"q": "needle", "from_byte": 23}, [4, 5]),
        ({"q": "needle", "from_byte": 24}, [5]),
    ],
)
async def test_options(
    admin: httpx.AsyncClient, room: LogRoom, params: dict[str, Any], lines: list[int]
) -> None:
    """大文字と小文字、正規表現、単語、続きの位置を選べる。"""
    target = await room.write(LOG)
    messages = await ask(admin, f"/targets/{target}/log/search", **params)
    assert [line for (line,) in of(messages, "match", "line")] == lines


async def test_limit_caps_messages_not_the_count(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """送る当たりは求めた数まで、数えるのは全部。"""
    target = await room.write(b"hit\n" * 5000)
    messages = await ask(admin, f"/targets/{target}/log/search", q="hit", limit=7)
    assert [line for (line,) in of(messages, "match", "line")] == [1, 2, 3, 4, 5, 6, 7]
    assert of(messages, "end", "matches", "truncated", "next_byte") == [(5000, False, 20_000)]


async def test_passed_hits_can_be_paged_from_anywhere(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """数えるだけで通り過ぎた当たりも、知らされた所から取り出せば、番号も順も、素朴に数えたのと同じになる。"""
    lines = [b"hit" if n % 3 == 0 else b"some other text" for n in range(500_000)]
    hits = [n + 1 for n, line in enumerate(lines) if line == b"hit"]
    target = await room.write(b"\n".join(lines) + b"\n")
    path = f"/targets/{target}/log/search"
    messages = await ask(admin, path, q="hit", limit=10)
    passed = of(messages, "passed", "line", "byte", "matches")
    assert len(passed) > 1
    for line, byte, before in passed:
        assert before == sum(hit < line for hit in hits)
        page = await ask(admin, path, q="hit", limit=5, from_byte=byte, count=False)
        assert [found for (found,) in of(page, "match", "line")] == hits[before : before + 5]
    first = await ask(admin, path, q="hit", limit=4, count=False)
    [(matches, next_byte, next_line)] = of(first, "end", "matches", "next_byte", "next_line")
    second = await ask(admin, path, q="hit", limit=4, from_byte=next_byte, count=False)
    assert (matches, next_line) == (4, hits[3] + 1)
    assert [found for (found,) in of(second, "match", "line")] == hits[4:8]


async def test_counting_stops_at_the_cap(
    admin: httpx.AsyncClient, room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """数えきれないほど当たれば打ち切り、続きの位置から数え直せば、全部の数になる。"""
    monkeypatch.setattr(log_search, "MAX_MATCHES", 50_000)
    target = await room.write(b"hit and some more\n" * 300_000)
    total, from_byte, rounds = 0, 0, 0
    while True:
        messages = await ask(admin, f"/targets/{target}/log/search", q="hit", limit=1, from_byte=from_byte)
        [(matches, truncated, from_byte)] = of(messages, "end", "matches", "truncated", "next_byte")
        total, rounds = total + matches, rounds + 1
        if not truncated:
            break
    assert (total, rounds > 1) == (300_000, True)


@pytest.mark.parametrize("q", ["", "x" * 1001, "a\nb"])
async def test_bad_text_is_refused(admin: httpx.AsyncClient, room: LogRoom, q: str) -> None:
    """空、長すぎるもの、行をまたぐものは、流す前に断る。"""
    target = await room.write(LOG)
    answer = await admin.get(f"/targets/{target}/log/search", params={"q": q})
    assert problem(answer, 422)["code"] == "search_pattern_invalid"


async def test_bad_regex_says_why(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """読めない式は、わけを添えて断る。"""
    target = await room.write(LOG)
    answer = await admin.get(f"/targets/{target}/log/search", params={"q": "a(b", "regex": True})
    body = problem(answer, 422)
    assert (body["code"], body["params"]) == ("search_pattern_invalid", {"problem": "missing ): a(b"})


async def test_unknown_things(admin: httpx.AsyncClient) -> None:
    """ないものは、流す前に 404。"""
    for address, code in {
        "/targets/999": "target_not_found",
        "/executions/999": "execution_not_found",
        "/jobs/999": "job_not_found",
    }.items():
        answer = await admin.get(f"{address}/log/search", params={"q": "x"})
        assert problem(answer, 404)["code"] == code


async def add_runs(room: LogRoom) -> tuple[int, list[int], list[TargetId]]:
    """ジョブと、日の違う三つの実行と、その対象(二つずつ)。"""
    async with room.engine.begin() as connection:
        job = (await connection.execute(_ADD_JOB)).scalar_one()
    runs, targets = [], []
    for day in (1, 2, 3):
        async with room.engine.begin() as connection:
            values = {"job_id": job, "created_at": datetime(2026, 11, day, tzinfo=UTC)}
            run = (await connection.execute(_ADD_EXECUTION, values)).scalar_one()
        runs.append(run)
        for position in (1, 0):
            target = await room.write(f"day {day}\nserver {position} needle\n".encode() * (3 - position))
            async with room.engine.begin() as connection:
                await connection.execute(
                    text(
                        "UPDATE targets SET execution_id = :run, position = :position, state = 'succeeded',"
                        " server_name = 'web-' || :position WHERE id = :target"
                    ),
                    {"run": run, "position": position, "target": target},
                )
            targets.append(target)
    return job, runs, targets


async def test_execution_is_searched_in_order(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """実行の対象の全部を、サーバの並びの順に探し、対象ごとの数も知らせる。"""
    _, runs, targets = await add_runs(room)
    messages = await ask(admin, f"/executions/{runs[1]}/log/search", q="needle")
    first, second = targets[3], targets[2]
    assert of(messages, "match", "execution_id", "target_id", "server_name", "line") == [
        *((runs[1], first, "web-0", line) for line in (2, 4, 6)),
        *((runs[1], second, "web-1", line) for line in (2, 4)),
    ]
    assert of(messages, "target", "target_id", "matches") == [(first, 3), (second, 2)]
    assert of(messages, "end", "matches", "truncated", "next_byte") == [(5, False, None)]


async def test_limit_is_shared_by_the_targets(admin: httpx.AsyncClient, room: LogRoom) -> None:
    """送る当たりの上限は、全部の対象を合わせた数。"""
    _, runs, _ = await add_runs(room)
    messages = await ask(admin, f"/executions/{runs[0]}/log/search", q="needle", limit=4)
    assert len(of(messages, "match", "line")) == 4
    assert of(messages, "target", "matches") == [(3,), (2,)]


async def test_job_is_searched_newest_first(
    admin: httpx.AsyncClient, room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ジョブの実行を新しい順に探し、頼んだ時刻で絞れる。頁をまたいでも抜けない。"""
    monkeypatch.setattr(log_search, "_EXECUTIONS_PER_PAGE", 1)
    job, runs, _ = await add_runs(room)
    address = f"/jobs/{job}/log/search"
    everything = await ask(admin, address, q=r"day \d", regex=True)
    assert [run for (run,) in of(everything, "match", "execution_id")] == [
        run for run in reversed(runs) for _ in range(5)
    ]
    some = await ask(admin, address, q="day", since="2026-11-02T00:00:00Z", until="2026-11-03T00:00:00Z")
    assert {run for (run,) in of(some, "match", "execution_id")} == {runs[1]}
    assert await ask(admin, address, q="day", until="2026-10-01T00:00:00Z") == [
        {"type": "end", "matches": 0, "truncated": False, "next_byte": None, "next_line": None}
    ]


class Visitor:
    """一かたまり受け取ったあと、先を受け取らない客。"""

    def __init__(self) -> None:
        self.asked = False
        self.began = asyncio.Event()
        self.left = asyncio.Event()
        self.got = bytearray()

    async def receive(self) -> Message:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.got += message.get("body", b"")
            self.began.set()
            await asyncio.Event().wait()


async def visit(api: Api, visitor: Visitor, address: str, query: bytes) -> None:
    token = api.token_of(await api.add_user(Role.VIEWER))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/api/v1{address}",
        "raw_path": f"/api/v1{address}".encode(),
        "query_string": query,
        "headers": [(b"host", b"tsubame.test"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("tsubame.test", 80),
    }
    await api.app(scope, visitor.receive, visitor.send)


async def test_leaving_stops_the_search(api: Api, room: LogRoom) -> None:
    """受け取らない客の分は先へ進まず、接続も持たない。客が去れば、仕事は残らず止まる。"""
    target = await room.write(b"hit and miss " * 20 + b"\n" + (b"x" * 260 + b"\n") * 60_000)
    visitor = Visitor()
    visiting = asyncio.create_task(visit(api, visitor, f"/targets/{target}/log/search", b"q=hit&limit=10"))
    await visitor.began.wait()
    pool = room.engine.sync_engine.pool
    await eventually(lambda: pool.checkedout() == 0, "接続を返す")  # type: ignore[attr-defined]
    assert b"match" in visitor.got
    assert api.services.log_search.open_count == 1
    visitor.left.set()
    async with asyncio.timeout(5):
        await visiting
    assert api.services.log_search.open_count == 0
    left = [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("log-search")]
    assert left == []


async def test_too_many_searches_are_told_to_wait(
    api: Api, admin: httpx.AsyncClient, room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """開いている検索が多すぎれば、いつ来ればよいかを添えて断り、空けば通る。"""
    monkeypatch.setattr(log_search, "MAX_OPEN", 1)
    target = TargetId(await room.write(b"hit and some more\n" * 300_000))
    service = api.services.log_search
    search = await service.target(SYSTEM, target, SearchQuery("hit"), log_search.Part(limit=1))
    async with aclosing(search):
        await anext(search)
        answer = await admin.get(f"/targets/{target}/log/search", params={"q": "hit"})
        assert problem(answer, 429)["code"] == "search_busy"
        assert int(answer.headers["retry-after"]) > 0
    assert (await ask(admin, f"/targets/{target}/log/search", q="hit"))[-1]["matches"] == 300_000


async def test_waiting_searches_still_show_progress(
    api: Api, room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """順番を待つあいだも、進み具合は流れ続け、空けば最後まで進む。"""
    target = TargetId(await room.write(b"hit and some more\n" * 100_000))
    service = api.services.log_search
    gate = asyncio.Semaphore(0)
    monkeypatch.setattr(service._scanner, "_seats", gate)
    search = await service.target(SYSTEM, target, SearchQuery("hit"), log_search.Part(limit=1))
    async with aclosing(search):
        first, second = await anext(search), await anext(search)
        assert [type(event) for event in first + second] == [log_search.SearchProgress] * 2
        for _ in range(100):
            gate.release()
        events = [event async for found in search for event in found]
    assert isinstance(events[-1], log_search.SearchEnd)
    assert events[-1].matches == 100_000
