"""たくさんの走りのログを、失わず、二重にせず、まとめて書く。"""

import asyncio
import functools
import random
from collections.abc import Sequence

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.cutting_proxy import cutting_proxy
from harness.logs import LogRoom, add_targets, claim
from harness.masking import masker_of
from harness.waiting import eventually
from tsubame.business.executions.entities import Lease
from tsubame.business.executions.errors import LeaseLostError, LogRefusedError
from tsubame.business.executions.log_arrivals import Arrival
from tsubame.business.executions.log_store import LogBlock, LogChunk, LogPiece
from tsubame.business.executions.log_writer import LogOffsets, LogStream
from tsubame.business.executions.masking import Masker
from tsubame.data_access.logstore.chunks import ChunkStore

# 切る瞬間をデータベースの側で散らす
_KILL = (
    "SELECT pg_terminate_backend(pid) FROM (SELECT pg_sleep(%s)) AS moment, pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'tsubame-log-writer'"
)


class GatedStore(ChunkStore):
    """本物の置き場に、通すまで待たせる門と、渡されたものの記録を付けたもの。"""

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        super().__init__(url, engine)
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[int] = []
        self.packing = asyncio.Event()

    async def pack(self, parts: Sequence[bytes]) -> LogBlock:
        self.packing.set()
        return await super().pack(parts)

    async def append(self, pieces: Sequence[LogPiece]) -> frozenset[Lease]:
        self.batches.append(len(pieces))
        await self.gate.wait()
        return await super().append(pieces)


async def test_quiet_streams_share_commits(room: LogRoom) -> None:
    """百本が二十行ずつ書いても、確定の回数は行の数よりずっと少ない。"""
    store = GatedStore(room.url, room.engine)
    ids = await add_targets(room.engine, 100)
    async with room.writer(store) as writer:
        streams = [writer.open(await claim(room.engine, target_id), Masker()) for target_id in ids]
        for line in range(20):
            await asyncio.gather(*(stream.write(b"line %d\n" % line) for stream in streams))
        ends = await asyncio.gather(*(stream.finish() for stream in streams))
    assert len(store.batches) < 100
    assert len(set(ends)) == 1
    assert await room.read(ids[42]) == b"".join(b"line %d\n" % line for line in range(20))


async def test_first_line_does_not_wait(room: LogRoom) -> None:
    """暇なときの最初の一行は、それだけで確定する(後の行を待たない)。"""
    store = GatedStore(room.url, room.engine)
    async with room.writer(store) as writer:
        stream = writer.open(await claim(room.engine, await room.target()), Masker())
        store.gate.clear()
        await stream.write(b"first\n")
        await eventually(lambda: store.batches == [1], "最初の一行が渡る")
        await stream.write(b"second\n")
        store.gate.set()
        await eventually(lambda: stream.durable == LogOffsets(13, 13), "次の行も確定する")
        assert store.batches == [1, 1]


async def test_firehose_waits_for_the_store(room: LogRoom) -> None:
    """置き場が遅ければ書く側が待ち、預かる量は決めた上限のあたりで止まる。"""
    store = GatedStore(room.url, room.engine)
    data = random.Random(5).randbytes(24 * 1024 * 1024)
    target_id = await room.target()
    async with room.writer(store) as writer:
        stream = writer.open(await claim(room.engine, target_id), Masker())
        store.gate.clear()
        writing = asyncio.create_task(stream.write(data))
        await eventually(lambda: stream.held_bytes >= 16 * 1024 * 1024, "上限まで預かる")
        assert stream.held_bytes < 17 * 1024 * 1024
        assert not writing.done()
        store.gate.set()
        await writing
        assert await stream.finish() == LogOffsets(len(data), len(data))
        assert stream.held_bytes == 0
    assert await room.read(target_id) == data


async def test_stale_owner_cannot_write(room: LogRoom) -> None:
    """引き継がれたあとの古い持ち主は、書けずに知らされ、新しい持ち主のログは乱れない。"""
    target_id = await room.target()
    async with room.writer() as old, room.writer() as new:
        stale = old.open(await claim(room.engine, target_id), Masker())
        await stale.write(b"one\n")
        await eventually(lambda: stale.durable.log == 4, "引き継ぐ前の分が確定する")
        fresh = new.open(await claim(room.engine, target_id), Masker())
        await stale.write(b"from the past\n")
        with pytest.raises(LeaseLostError):
            await stale.finish()
        await fresh.write(b"two\n")
        assert await fresh.finish() == LogOffsets(8, 8)
    assert await room.read(target_id) == b"one\ntwo\n"


async def test_old_and_new_owner_in_one_commit(room: LogRoom) -> None:
    """一つのワーカーが同じ対象を引き受け直し、新旧の分が同じ確定に入っても、新しい方だけが残る。"""
    store = GatedStore(room.url, room.engine)
    target_id, other_id = await add_targets(room.engine, 2)
    async with room.writer(store) as writer:
        blocker = writer.open(await claim(room.engine, other_id), Masker())
        stale = writer.open(await claim(room.engine, target_id), Masker())
        fresh = writer.open(await claim(room.engine, target_id), Masker())
        store.gate.clear()
        await blocker.write(b"x\n")
        await eventually(lambda: store.batches == [1], "先の確定が門で待つ")
        await stale.write(b"stale\n")
        await fresh.write(b"fresh\n")
        store.gate.set()
        assert await fresh.finish() == LogOffsets(6, 6)
        with pytest.raises(LeaseLostError):
            await stale.finish()
    assert 2 in store.batches
    assert await room.read(target_id) == b"fresh\n"


async def test_cancelled_write_loses_nothing(room: LogRoom) -> None:
    """書いている途中で取り消されても、受け取った所までは順に保存される。"""
    data = random.Random(11).randbytes(12 * 1024 * 1024)
    target_id = await room.target()
    store = GatedStore(room.url, room.engine)
    async with room.writer(store) as writer:
        stream = writer.open(await claim(room.engine, target_id), Masker())
        while stream.remote_position < len(data):
            store.packing.clear()
            writing = asyncio.create_task(stream.write(data[stream.remote_position :]))
            packing = asyncio.create_task(store.packing.wait())
            await asyncio.wait({writing, packing}, return_when=asyncio.FIRST_COMPLETED)
            packing.cancel()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        await stream.finish()
    assert await room.read(target_id) == data


def _advanced(stream: LogStream, remote: int) -> bool:
    return stream.durable.remote > remote


async def test_masked_log_keeps_both_offsets(room: LogRoom) -> None:
    """伏せて長さが変わっても、取り込み済みの位置から続ければ、つなぎ目で秘密が漏れない。"""
    data = b"token=hunter2-hunter2;" * 500
    target_id = await room.target()
    last = LogOffsets(0, 0)
    while last.remote < len(data):
        assignment = await claim(room.engine, target_id)
        assert assignment.remote_bytes == last.remote
        async with room.writer() as writer:
            stream = writer.open(assignment, masker_of(["hunter2-hunter2"]))
            end = assignment.remote_bytes + 1501
            await stream.write(data[assignment.remote_bytes : end])
            if end >= len(data):
                last = await stream.finish()
            else:
                await eventually(functools.partial(_advanced, stream, last.remote + 1000), "確定する")
                last = stream.durable
    assert last == LogOffsets(len(data), len(b"token=********;") * 500)
    assert await room.read(target_id) == b"token=********;" * 500


async def _rows(connection: psycopg.AsyncConnection, statement: str, value: float) -> int:
    return len(await (await connection.execute(statement, [value])).fetchall())


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_killed_connections_neither_lose_nor_double(room: LogRoom, seed: int) -> None:
    """書いている接続を何度殺しても(確定の直後でも)、一バイトも失わず、二重にもならない。"""
    chance = random.Random(seed)
    logs = {target_id: bytearray() for target_id in await add_targets(room.engine, 5)}
    killed = 0
    async with (
        room.writer() as writer,
        await psycopg.AsyncConnection.connect(room.url, autocommit=True) as killer,
    ):
        streams = {key: writer.open(await claim(room.engine, key), Masker()) for key in logs}
        while killed < 12:
            killing = asyncio.create_task(_rows(killer, _KILL, chance.random() * 0.03))
            while not killing.done():
                for target_id in logs:
                    data = chance.randbytes(chance.choice([7, 3000, 400_000]))
                    logs[target_id] += data
                    await streams[target_id].write(data)
            killed += await killing
        for stream in streams.values():
            await stream.finish()
    for target_id, log in logs.items():
        assert await room.read(target_id) == bytes(log)


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2])
async def test_lost_answers_neither_lose_nor_double(room: LogRoom, seed: int) -> None:
    """確定の返事が何度失われても、書けた分を書き直さず、権利を失ったとも思わない。"""
    chance = random.Random(seed)
    log = bytearray()
    target_id = await room.target()
    async with cutting_proxy(room.url, seed, chance=0.1) as (proxy, url):
        store = ChunkStore(url, room.engine)
        async with room.writer(store) as writer:
            stream = writer.open(await claim(room.engine, target_id), Masker())
            while proxy.cuts < 15:
                data = chance.randbytes(chance.choice([7, 3000, 300_000]))
                log += data
                await stream.write(data)
                await eventually(functools.partial(_advanced, stream, len(log) - 1), "書いた分が確定する")
    assert await room.read(target_id) == bytes(log)


async def test_answer_lost_after_commit_is_not_written_twice(room: LogRoom) -> None:
    """確定の返事だけが失われ、同じものを渡し直しても、書けたと分かり、二重にならない。"""
    store = ChunkStore(room.url, room.engine)
    target_id = await room.target()
    lease = (await claim(room.engine, target_id)).lease
    chunk = LogChunk(await store.pack([b"once\n"]), starts_line=True, arrivals=(Arrival(0, 1),))
    assignment = await claim(room.engine, target_id)
    piece = LogPiece(assignment.lease, assignment.log_day, (chunk,), 0, 0, 0, 5)
    stale = LogPiece(lease, assignment.log_day, (chunk,), 0, 0, 0, 5)
    assert await store.append([piece]) == {piece.lease}
    assert await store.append([piece, stale]) == {piece.lease}
    await store.close()
    assert await room.read(target_id) == b"once\n"


async def test_refused_piece_fails_only_its_own_target(room: LogRoom) -> None:
    """データベースが一つの対象の分だけを断っても、その対象に伝わるだけで、ほかは書き続ける。"""
    store = GatedStore(room.url, room.engine)
    good, bad, other = await add_targets(room.engine, 3)
    async with room.engine.begin() as connection:
        await connection.exec_driver_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.id = {bad} THEN RAISE 'no place for this'; END IF; RETURN NEW; END $$"
        )
        await connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE UPDATE OF log_bytes ON targets"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    async with room.writer(store) as writer:
        streams = [
            writer.open(await claim(room.engine, target_id), Masker()) for target_id in (good, bad, other)
        ]
        store.gate.clear()
        await streams[0].write(b"first\n")
        await eventually(lambda: store.batches == [1], "最初の一切れが渡る")
        for stream in streams:
            await stream.write(b"one\n")
        store.gate.set()
        assert (await streams[0].finish()).log == 10
        assert (await streams[2].finish()).log == 4
        with pytest.raises(LogRefusedError, match="no place for this"):
            await streams[1].finish()
        with pytest.raises(LogRefusedError):
            await streams[1].write(b"more\n")
        late = writer.open(await claim(room.engine, await room.target()), Masker())
        await late.write(b"still here\n")
        assert (await late.finish()).log == 11
    assert store.batches[:2] == [1, 3]
    assert (await room.read(good), await room.read(bad)) == (b"first\none\n", b"")
