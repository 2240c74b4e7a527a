"""出力を比べる道。"""

from collections.abc import Sequence
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api, found, problem
from harness.logs import LogRoom, add_targets, claim
from tsubame.business.executions.masking import Masker
from tsubame.business.executions.outputs import MAX_COMPARED_BYTES
from tsubame.business.shared.ids import TargetId
from tsubame.business.shared.permissions import Role

_END = text("UPDATE targets SET state = 'succeeded', exit_code = 0 WHERE id = ANY(:ids)")
_EXECUTION_OF = text("SELECT execution_id FROM targets WHERE id = :id")


class Outputs:
    """出力を持つ対象の並ぶ、一つの実行。"""

    def __init__(self, engine: AsyncEngine, room: LogRoom, targets: list[TargetId]) -> None:
        self.engine = engine
        self.room = room
        self.targets = targets
        self.path = ""

    @classmethod
    async def place(cls, engine: AsyncEngine, url: str, logs: Sequence[bytes]) -> "Outputs":
        """対象ごとに ``logs`` を書く。どれもまだ終わっていない。"""
        made = cls(engine, LogRoom(url, engine), await add_targets(engine, len(logs)))
        async with made.room.writer() as writer:
            for target, data in zip(made.targets, logs, strict=True):
                stream = writer.open(await claim(engine, target), Masker())
                await stream.write(data)
                await stream.finish()
        async with engine.begin() as connection:
            execution = (await connection.execute(_EXECUTION_OF, {"id": made.targets[0]})).scalar_one()
        made.path = f"/executions/{execution}/outputs"
        return made

    async def sql(self, statement: str, **values: object) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def end(self, *indexes: int) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(_END, {"ids": [self.targets[index] for index in indexes]})

    def groups(self, body: dict[str, Any]) -> list[list[int]]:
        """対象を、置いた順の番号で。"""
        return [[self.targets.index(TargetId(n)) for n in group["target_ids"]] for group in body["groups"]]


async def test_same_bytes_are_one_group(
    admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str
) -> None:
    """一バイトも違わないものだけが一つの組になり、多い順に並ぶ。同じ長さの別の中身も、空の出力も、別の組。"""
    outputs = await Outputs.place(
        engine,
        database_url,
        [b"up 3 days\n", b"up 4 days\n", b"up 3 days\n", b"", b"up 3 days\nand more\n", b""],
    )
    await outputs.end(0, 1, 2, 3, 4, 5)
    body = found(await admin.get(outputs.path))
    assert outputs.groups(body) == [[0, 2], [3, 5], [1], [4]]
    assert [(group["log_bytes"], group["log_lines"]) for group in body["groups"]] == [
        (10, 1), (0, 0), (10, 1), (19, 2)
    ]  # fmt: skip
    assert (body["running"], body["pending"]) == (0, 0)


async def test_only_ended_targets_are_compared(
    admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str
) -> None:
    """まだ動いている対象は数だけを言い、動かせずに終わった対象と、前の試みは入れない。"""
    outputs = await Outputs.place(engine, database_url, [b"a\n", b"a\n", b"a\n", b""])
    await outputs.end(0, 1)
    await outputs.sql("UPDATE targets SET latest = false WHERE id = :id", id=outputs.targets[1])
    await outputs.sql("UPDATE targets SET state = 'failed' WHERE id = :id", id=outputs.targets[3])
    body = found(await admin.get(outputs.path))
    assert outputs.groups(body) == [[0]]
    assert body["running"] == 1


async def test_digest_is_computed_once(
    admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str
) -> None:
    """一度比べた出力は、二度目にはログを読まない(ログが消えていても、同じ答えになる)。"""
    outputs = await Outputs.place(engine, database_url, [b"same" * 100_000] * 3)
    await outputs.end(0, 1, 2)
    first = found(await admin.get(outputs.path))
    assert outputs.groups(first) == [[0, 1, 2]]
    await outputs.sql("DELETE FROM log_chunks")
    assert found(await admin.get(outputs.path)) == first


async def test_vanished_logs_are_not_called_the_same(
    admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str
) -> None:
    """比べる前に消えたログは、長さが同じでも、同じとは言わない。"""
    outputs = await Outputs.place(engine, database_url, [b"left\n", b"gone\n", b"gone\n"])
    await outputs.end(0, 1, 2)
    await outputs.sql("DELETE FROM log_chunks WHERE target_id <> :id", id=outputs.targets[0])
    assert outputs.groups(found(await admin.get(outputs.path))) == [[0], [1], [2]]


async def test_logs_cut_elsewhere_are_not_called_the_same(
    admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str
) -> None:
    """長さも残った中身も同じでも、省いた所が違えば、同じとは言わない。"""
    outputs = await Outputs.place(engine, database_url, [b"same\n" * 10] * 3)
    cut = "UPDATE targets SET log_bytes = 150, log_gap_start = :at, log_gap_end = :at + 100,"
    cut += " log_gap_first_line = 2, log_gap_next_line = 20 WHERE id = :id"
    for at, target in zip((50, 50, 45), outputs.targets, strict=True):
        await outputs.sql(cut, at=at, id=target)
        if at == 45:
            await outputs.sql("UPDATE log_chunks SET byte_start = 145 WHERE target_id = :id", id=target)
    await outputs.end(0, 1, 2)
    assert outputs.groups(found(await admin.get(outputs.path))) == [[0, 1], [2]]


async def test_huge_logs_stay_apart(admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str) -> None:
    """大きすぎるログは読まず、それぞれを一つの組にして、そう言う。"""
    outputs = await Outputs.place(engine, database_url, [b"x\n", b"x\n"])
    await outputs.end(0, 1)
    await outputs.sql("UPDATE targets SET log_bytes = :size", size=MAX_COMPARED_BYTES + 1)
    body = found(await admin.get(outputs.path))
    assert outputs.groups(body) == [[0], [1]]
    assert [group["too_large"] for group in body["groups"]] == [True, True]


async def test_who_may_see(
    api: Api, admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str
) -> None:
    """見るだけの役割にも見え、ない実行は 404。"""
    outputs = await Outputs.place(engine, database_url, [b"x\n"])
    async with api.client(Role.VIEWER) as viewer:
        assert found(await viewer.get(outputs.path))["running"] == 1
    assert problem(await admin.get("/executions/999/outputs"), 404)["code"] == "execution_not_found"
