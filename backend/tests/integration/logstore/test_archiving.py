"""終わったログを、保管先(手元と、本物の S3 など)へ移す。"""

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from harness.logs import LogRoom, Naive
from tsubame.business.executions.log_search_ports import SearchQuery
from tsubame.business.executions.merged_log import BEGINNING, END
from tsubame.business.shared.ids import TargetId
from tsubame.business.storage.errors import (
    ArchivedObjectMissingError,
    ArchiveMismatchError,
)
from tsubame.data_access.logstore.arrival_order import ChunkTimes
from tsubame.data_access.logstore.frames import compress, decompress
from tsubame.data_access.logstore.index import Holding
from tsubame.data_access.logstore.objects import ObjectPlace, ObjectPlaces
from tsubame.data_access.logstore.reading import ChunkReader
from tsubame.data_access.logstore.search import LogSearch
from tsubame.data_access.logstore.sources import TableFrames

NOISE = bytes(random.Random(3).choices(range(256), k=900_000)) + b"\nlast line"


async def written(room: LogRoom, log: bytes) -> TargetId:
    """書き終えて、まだ表にあるログ。"""
    target_id = await LogRoom(room.url, room.engine).write(log)
    await room.end(target_id)
    return target_id


async def count(room: LogRoom, table: str) -> int:
    async with room.engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def object_of(room: LogRoom, target_id: TargetId) -> tuple[str, bytes, bytes]:
    """物の名前、中身、隣の索引。"""
    async with room.engine.connect() as connection:
        key = (
            await connection.execute(
                text("SELECT object_key FROM log_archives WHERE target_id = :id"), {"id": target_id}
            )
        ).scalar_one()
    index = key.removesuffix(".zst") + ".index.zst"
    return (
        key,
        b"".join([part async for part in room.place.read(key)]),
        b"".join([part async for part in room.place.read(index)]),
    )


async def test_object_is_one_zstd_file_and_describes_itself(archive_room: LogRoom) -> None:
    """物はそのまま .zst として伸ばせ、隣の索引だけで中身が確かめられる。表の行は消え、控えも残らない。"""
    target_id = await written(archive_room, NOISE)
    assert await archive_room.archiver.archive(target_id) > 0
    key, data, index = await object_of(archive_room, target_id)
    assert decompress(data) == NOISE
    head, *rows = decompress(index).splitlines()
    about = json.loads(head)
    assert about["sha256"] == hashlib.sha256(data).hexdigest()
    assert (about["target_id"], about["log_bytes"], about["object_bytes"]) == (
        target_id,
        len(NOISE),
        len(data),
    )
    assert sum(sum(json.loads(row)["byte_length"]) for row in rows) == len(NOISE)
    assert sorted(await archive_room.place.keys()) == sorted([key, key[: -len(".zst")] + ".index.zst"])
    assert await count(archive_room, "log_chunks") == await count(archive_room, "stray_objects") == 0
    assert await archive_room.read(target_id) == NOISE


async def test_quiet_log_is_packed_into_few_frames(archive_room: LogRoom) -> None:
    """一行ずつ届いたログは、少ない枠にまとまって小さくなり、一行ごとの届いた時刻は残る。"""
    rows = [b"%d: the backup of the database goes on\n" % n for n in range(600)]
    target_id = await archive_room.target()
    await _trickle(archive_room, target_id, rows)
    chunks = await count(archive_room, "log_chunks")
    await archive_room.end(target_id)
    await archive_room.archiver.archive(target_id)
    _, data, index = await object_of(archive_room, target_id)
    frames = json.loads(decompress(index).splitlines()[0])["frames"]["byte_start"]
    kept = (await archive_room.reader.stored.archives.rows([target_id]))[target_id]
    assert (len(frames), len(kept)) == (1, chunks)
    assert len(data) * 4 < len(b"".join(rows))
    arrived = [row.arrived_ms for row in kept]
    assert arrived == sorted(arrived)
    lines = await archive_room.reader.lines(target_id, 300, 2, 1000)
    assert lines.data == rows[299] + rows[300]


async def _trickle(room: LogRoom, target_id: TargetId, rows: list[bytes]) -> None:
    """一行ずつ、間をおいて届いたのと同じ姿で入れる。"""
    starts = [sum(map(len, rows[:n])) for n in range(len(rows) + 1)]
    values = [
        {"id": target_id, "start": starts[n], "length": len(row), "n": n, "frame": compress(row)}
        for n, row in enumerate(rows)
    ]
    async with room.engine.begin() as connection:
        await connection.execute(
            text(
                "CREATE TABLE log_chunks_2026_11 PARTITION OF log_chunks"
                " FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO log_chunks (log_day, target_id, byte_start, byte_length, newline_start,"
                " newline_count, arrived_at, frame) VALUES ('2026-11-24', :id, :start, :length, :n, 1,"
                " now() + :n * interval '1 second', :frame)"
            ),
            values,
        )
        await connection.execute(
            text("UPDATE targets SET log_bytes = :bytes, log_newlines = :lines WHERE id = :id"),
            {"id": target_id, "bytes": starts[-1], "lines": len(rows)},
        )


async def test_times_order_and_search_stay_the_same(archive_room: LogRoom) -> None:
    """移しても、行の時刻も、届いた順も、探した答えも変わらない。"""
    target_id = await archive_room.target()
    rows = [b"%d %s\n" % (n, b"needle" if n % 7 == 0 else b"hay") for n in range(500)]
    await _trickle(archive_room, target_id, rows)
    await archive_room.end(target_id)
    before = await _seen(archive_room, target_id)
    await archive_room.archiver.archive(target_id)
    assert await count(archive_room, "log_chunks") == 0
    assert await _seen(archive_room, target_id) == before
    times, order, hits = before
    assert (len(times), len(order), len(hits)) == (100, 600, 72)


async def _seen(room: LogRoom, target_id: TargetId) -> tuple[Sequence[object], ...]:
    stored = room.reader.stored
    search = LogSearch(stored)
    pattern = search.prepare(SearchQuery("needle"))
    hits = [hit async for step in search.scan(target_id, pattern, 0, 1000) for hit in step.hits]
    clock = ChunkTimes(room.engine, stored.archives)
    ahead = await clock.after([target_id], BEGINNING, 300)
    back = await clock.before([target_id], END, 300)
    assert {*ahead.spans} & {*back.spans}
    return await room.reader.times(target_id, 201, 100), [*ahead.spans, *back.spans], hits


async def test_reader_crosses_the_move(archive_room: LogRoom) -> None:
    """読んでいる最中に移っても、続きがそのまま読める。"""
    log = b"".join(b"%d %s\n" % (n, b"y" * (n % 300)) for n in range(40_000))
    target_id = await written(archive_room, log)
    parts = archive_room.reader.read(target_id, 5, len(log))
    got = [await anext(parts)]
    await archive_room.archiver.archive(target_id)
    got += [part async for part in parts]
    assert b"".join(got) == log[5:]


async def test_lines_cross_the_move(archive_room: LogRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """行の位置を探してから中身を読むまでの間に移っても、行は違わない。"""
    log = b"".join(b"%d %s\n" % (n, b"z" * (n % 300)) for n in range(20_000))
    target_id = await written(archive_room, log)
    reader = archive_room.reader
    extent = reader.extent
    holding = TableFrames.holding

    async def and_move(self: TableFrames, newline: int) -> Holding:
        found = await holding(self, newline)
        await archive_room.archiver.archive(target_id)
        return found

    monkeypatch.setattr(TableFrames, "holding", and_move)
    lines = await reader.lines(target_id, 12_345, 50, 1000)
    assert (lines.data, lines.count, lines.first_byte) == Naive.of(log).lines(12_345, 50, 1000)
    assert (await extent(target_id)).bytes == len(log)


async def test_middle_of_a_large_log_fetches_only_its_frames(
    archive_room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """真ん中の一行を読むのに、物の全部は取らない。"""
    chance = random.Random(5)
    log = b"".join(chance.randbytes(60).hex().encode() + b"\n" for _ in range(50_000))
    target_id = await written(archive_room, log)
    size = await archive_room.archiver.archive(target_id)
    fetched: list[int] = []
    read_range = ObjectPlace.read_range

    async def counted(self: ObjectPlace, key: str, start: int, end: int) -> bytes:
        fetched.append(end - start)
        return await read_range(self, key, start, end)

    monkeypatch.setattr(ObjectPlace, "read_range", counted)
    lines = await archive_room.reader.lines(target_id, 25_000, 1, 1000)
    assert lines.data == Naive.of(log).rows[24_999]
    assert sum(fetched) < size / 5


async def test_altered_object_keeps_the_rows(archive_room: LogRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """置いた物が一ビットでも違って読めたら、表の行を消さない。次の片付けで、その物も消える。"""
    target_id = await written(archive_room, NOISE)
    put = ObjectPlace.put

    async def altered(self: ObjectPlace, key: str, parts: AsyncIterator[bytes]) -> None:
        async def changed() -> AsyncIterator[bytes]:
            async for part in parts:
                yield part[:-1] + bytes([part[-1] ^ 1])

        await put(self, key, changed())

    with monkeypatch.context() as patch:
        patch.setattr(ObjectPlace, "put", altered)
        with pytest.raises(ArchiveMismatchError):
            await archive_room.archiver.archive(target_id)
    assert await archive_room.read(target_id) == NOISE
    assert await archive_room.archiver.sweep() == 2
    assert await archive_room.place.keys() == []


@pytest.mark.parametrize("step", range(8))
async def test_death_at_any_step_loses_and_repeats_nothing(
    archive_room: LogRoom, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """どの出し入れの前後で死んでも、読めるバイトは変わらず、次の回で片付いて一度だけ移る。"""
    target_id = await written(archive_room, NOISE)
    _die_at(monkeypatch, step)
    with pytest.raises(asyncio.CancelledError):
        await archive_room.archiver.archive(target_id)
    monkeypatch.undo()
    assert await archive_room.read(target_id) == NOISE
    await archive_room.archiver.sweep()
    await archive_room.archiver.archive(target_id)
    assert await archive_room.archiver.archive(target_id) == 0
    assert await archive_room.read(target_id) == NOISE
    assert len(await archive_room.place.keys()) == 2
    assert await count(archive_room, "stray_objects") == 0


def _die_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """``step`` 番目の出し入れの、偶数なら前、奇数なら後で死ぬ。"""
    steps = iter(range(100))
    put, read = ObjectPlace.put, ObjectPlace.read

    def die(now: int) -> None:
        if now == step:
            raise asyncio.CancelledError

    async def dying_put(self: ObjectPlace, key: str, parts: AsyncIterator[bytes]) -> None:
        die(next(steps))
        await put(self, key, parts)
        die(next(steps))

    async def dying_read(self: ObjectPlace, key: str) -> AsyncIterator[bytes]:
        die(next(steps))
        async for part in read(self, key):
            yield part
        die(next(steps))

    monkeypatch.setattr(ObjectPlace, "put", dying_put)
    monkeypatch.setattr(ObjectPlace, "read", dying_read)


async def test_two_archivers_move_it_once(archive_room: LogRoom) -> None:
    """二人が同時に同じログを移そうとしても、一人だけが移し、もう一人の物は残らない。"""
    target_id = await written(archive_room, NOISE)
    moved = await asyncio.gather(*(archive_room.archiver.archive(target_id) for _ in range(3)))
    assert len([size for size in moved if size]) == 1
    await archive_room.archiver.sweep()
    assert len(await archive_room.place.keys()) == 2
    assert await archive_room.read(target_id) == NOISE


async def test_object_swept_in_the_middle_is_not_trusted(
    archive_room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """置いて確かめたあとで、別の回に片付けられていたら、移さない。"""
    target_id = await written(archive_room, NOISE)
    read = ObjectPlace.read

    async def and_swept(self: ObjectPlace, key: str) -> AsyncIterator[bytes]:
        async for part in read(self, key):
            yield part
        if "index" in key:
            await archive_room.archiver.sweep()

    with monkeypatch.context() as patch:
        patch.setattr(ObjectPlace, "read", and_swept)
        assert await archive_room.archiver.archive(target_id) == 0
    assert await archive_room.read(target_id) == NOISE
    await archive_room.archiver.sweep()
    assert await archive_room.place.keys() == []


async def test_object_taken_away_is_told(archive_room: LogRoom) -> None:
    """外から物を消されたログは、空ではなく「物がない」と言う。"""
    target_id = await written(archive_room, NOISE)
    await archive_room.archiver.archive(target_id)
    await archive_room.place.delete(await archive_room.place.keys())
    with pytest.raises(ArchivedObjectMissingError):
        await archive_room.read(target_id)


async def test_old_destination_stays_readable(archive_room: LogRoom, tmp_path: Path) -> None:
    """保管先を替えても、前の場所に移したログは読める。"""
    target_id = await written(archive_room, NOISE)
    await archive_room.archiver.archive(target_id)
    elsewhere = ChunkReader(archive_room.engine, ObjectPlaces(f"file://{tmp_path}/elsewhere"))
    assert b"".join([part async for part in elsewhere.read(target_id, 0, 10)]) == NOISE[:10]


async def test_moved_data_directory_stays_readable(room: LogRoom, tmp_path: Path) -> None:
    """データ置き場ごと引っ越しても、新しい場所の同じ名前の物から読める。"""
    before = LogRoom(room.url, room.engine, f"file://{tmp_path}/before")
    target_id = await written(before, NOISE)
    await before.archiver.archive(target_id)
    (tmp_path / "before").rename(tmp_path / "after")
    after = LogRoom(room.url, room.engine, f"file://{tmp_path}/after")
    assert await after.read(target_id) == NOISE


async def test_lost_old_destination_does_not_stop_the_new(room: LogRoom, tmp_path: Path) -> None:
    """前の保管先に届かず消せない物があっても、今の保管先の片付けと移しは進む。"""
    (tmp_path / "old").write_text("a file in the way")
    async with room.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO stray_objects (location, object_key) VALUES (:old, 'a'), (:new, 'b')"),
            {"old": f"file://{tmp_path}/old", "new": f"file://{tmp_path}/new"},
        )
    now = LogRoom(room.url, room.engine, f"file://{tmp_path}/new")
    assert await now.archiver.sweep() == 1
    assert await count(room, "stray_objects") == 1


async def test_empty_log_needs_no_object(archive_room: LogRoom) -> None:
    """一バイトも書かなかった対象には、物を置かない。"""
    target_id = await archive_room.target()
    await archive_room.end(target_id)
    assert await archive_room.archiver.archive(target_id) == 0
    assert await archive_room.place.keys() == []
    assert await archive_room.read(target_id) == b""


async def test_running_log_is_not_moved(archive_room: LogRoom) -> None:
    """終わっていない対象のログは移さない。"""
    target_id = await LogRoom(archive_room.url, archive_room.engine).write(NOISE)
    assert await archive_room.archiver.archive(target_id) == 0
    assert await count(archive_room, "log_archives") == 0
