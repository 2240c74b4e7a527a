"""一つのログを、表から保管先へ移す。

1. 置くつもりの物を控えに書く。
2. 枠を読み、小さなものはまとめ直し、物として置く。隣に索引を置く。
3. 両方を読み返し、SHA-256 を比べる。
4. 一つの取引で、控えを消し、保管の行を書き、表の行を消し、対象に印を付ける。

どこで死んでも、4 の前なら表の行がそのまま残り、控えを見て置きかけの物が片付く。4 のあとなら、もう移っている。
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, RowMapping, delete, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.business.shared.ids import TargetId
from tsubame.business.storage.errors import (
    ArchiveMismatchError,
    ArchiveRefusedError,
    ArchiveUnavailableError,
)
from tsubame.data_access.logstore.archive_index import Frame, encode_frames, encode_rows
from tsubame.data_access.logstore.connecting import connecting, transacting
from tsubame.data_access.logstore.frames import compress_well, decompress
from tsubame.data_access.logstore.objects import ObjectPlace, ObjectPlaces
from tsubame.data_access.tables.executions import executions, targets
from tsubame.data_access.tables.logs import log_chunks
from tsubame.data_access.tables.storage import log_archives, stray_objects

_PAGE_BYTES: Final = 4 * 1024 * 1024
_PAGE_ROWS: Final = 2000
_SWEEP_ROWS: Final = 500
# 静かなログは一行が一枠になり、縮まないうえに索引がふくらむ。ここまでまとめ直す
_FRAME_BYTES: Final = 256 * 1024

_ROW_COLUMNS: Final = tuple(c for c in log_chunks.c if c.name not in {"log_day", "target_id", "frame"})
_NEXT_ROWS: Final = text(
    """
SELECT {columns} FROM (
    SELECT *, sum(byte_length) OVER (ORDER BY byte_start) AS total FROM (
        SELECT * FROM log_chunks
        WHERE log_day = :log_day AND target_id = :target_id AND byte_start > :after
        ORDER BY byte_start LIMIT :most
    ) AS ahead
) AS counted WHERE total - byte_length < :budget ORDER BY byte_start
""".replace("{columns}", ", ".join([*(c.name for c in _ROW_COLUMNS), "frame"]))
)
# 対象の行を先に鎖すので、二人が同時に移そうとしても、あとの一人は控えが消えていて諦める
_FLIP: Final = text("""
WITH target AS (
    UPDATE targets SET log_archived_at = now()
    WHERE id = :target_id AND log_archived_at IS NULL AND finished_at IS NOT NULL AND log_bytes = :log_bytes
    RETURNING id, log_day
), unlisted AS (
    DELETE FROM stray_objects USING target
    WHERE location = :location AND object_key = ANY(CAST(:keys AS text[])) RETURNING object_key
), gone AS (
    DELETE FROM log_chunks USING target
    WHERE log_chunks.log_day = :log_day AND log_chunks.target_id = target.id RETURNING byte_start
)
SELECT (SELECT count(*) FROM unlisted) AS unlisted, (SELECT count(*) FROM gone) AS gone
""")
_EMPTY: Final = text(
    "UPDATE targets SET log_archived_at = now()"
    " WHERE id = :target_id AND log_archived_at IS NULL AND finished_at IS NOT NULL AND log_bytes = 0"
)


@dataclass(frozen=True, slots=True)
class _Log:
    """これから移すログ。"""

    target_id: TargetId
    log_day: date
    log_bytes: int
    key: str
    about: dict[str, object]

    @property
    def index_key(self) -> str:
        return f"{self.key.removesuffix('.zst')}.index.zst"

    @property
    def keys(self) -> list[str]:
        return [self.key, self.index_key]


@dataclass(slots=True)
class _Made:
    """置いた物について、置きながら分かったこと。"""

    frames: list[Frame] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    row_count: int = 0
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class LogArchiver:
    """``LogArchive`` の実装。"""

    def __init__(self, engine: AsyncEngine, places: ObjectPlaces) -> None:
        self._engine = engine
        self._places = places

    @property
    def location(self) -> str | None:
        return self._places.current

    async def archive(self, target_id: TargetId) -> int:
        """移し、物の大きさを返す。もう移っていれば 0。

        Raises: ArchiveUnavailableError, ArchiveRefusedError, ArchiveMismatchError, StorageUnavailableError。
        """
        log = await self._prepare(target_id)
        if log is None:
            return 0
        place = self._place()
        # ここから失敗したら、控えは残す。次の回が、置きかけの物を片付ける
        made = await self._put(place, log)
        head = encode_frames(made.frames, log.about | _facts(made))
        tail = b"".join(made.rows)
        await place.put(log.index_key, _one(head + tail))
        await _verify(place, log.key, made.digest.digest())
        await _verify(place, log.index_key, hashlib.sha256(head + tail).digest())
        moved = await self._flip(place, log, made, (head, tail))
        if not moved:
            await self._give_up(place, log)
        return made.size if moved else 0

    async def sweep(self) -> int:
        """控えにある物を消し、その数を返す。回を始める前と、実行を消したあとに呼ぶ。"""
        swept, after = 0, ("", "")
        where = tuple_(stray_objects.c.location, stray_objects.c.object_key)
        while True:
            query = select(stray_objects).where(where > after).order_by(where).limit(_SWEEP_ROWS)
            async with connecting(self._engine) as connection:
                found = (await connection.execute(query)).all()
            if not found:
                return swept
            gone = [(row.location, row.object_key) for row in found if await self._removed(row)]
            async with transacting(self._engine) as connection:
                await connection.execute(delete(stray_objects).where(where.in_(gone)))
            swept, after = swept + len(gone), (found[-1].location, found[-1].object_key)

    async def _removed(self, row: Row[Any]) -> bool:
        """消せたか。今は使っていない保管先に届かないだけで、移すのを止めない。"""
        try:
            await self._places.at(row.location).delete([row.object_key])
        except (ArchiveUnavailableError, ArchiveRefusedError):
            if row.location == self._places.current:
                raise
            return False
        return True

    def _place(self) -> ObjectPlace:
        if self._places.current is None:
            raise ArchiveUnavailableError("No archive destination is configured.")
        return self._places.at(self._places.current)

    async def _prepare(self, target_id: TargetId) -> _Log | None:
        """移すものがあれば、置くつもりの物を控えに書いて返す。空のログは、印を付けるだけで済む。"""
        query = (
            select(targets, executions.c.job_name)
            .join(executions, executions.c.id == targets.c.execution_id)
            .where(
                targets.c.id == target_id,
                targets.c.log_archived_at.is_(None),
                targets.c.finished_at.is_not(None),
            )
        )
        async with transacting(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            if row is None:
                return None
            if row["log_bytes"] == 0:
                await connection.execute(_EMPTY, {"target_id": target_id})
                return None
            log = _log(row)
            place = self._place()
            await connection.execute(
                insert(stray_objects), [{"location": place.location, "object_key": key} for key in log.keys]
            )
        return log

    async def _put(self, place: ObjectPlace, log: _Log) -> _Made:
        made = _Made()
        await place.put(log.key, self._frames(log, made))
        if not made.frames or made.frames[0].byte_start != 0 or made.frames[-1].byte_end != log.log_bytes:
            raise ArchiveMismatchError(f"The log of target {log.target_id} is not whole in the database.")
        return made

    async def _frames(self, log: _Log, made: _Made) -> AsyncIterator[bytes]:
        """物に入れる枠を順に。"""
        async for group in _grouped(self._pages(log, made)):
            frame = await asyncio.to_thread(_framed, group)
            first, last = group[0], group[-1]
            made.frames.append(
                Frame(
                    byte_start=first["byte_start"],
                    byte_length=last["byte_start"] + last["byte_length"] - first["byte_start"],
                    newline_start=first["newline_start"],
                    newline_count=sum(row["newline_count"] for row in group),
                    offset=made.size,
                    size=len(frame),
                )
            )
            made.size += len(frame)
            made.digest.update(frame)
            yield frame

    async def _pages(self, log: _Log, made: _Made) -> AsyncIterator[RowMapping]:
        after = -1
        while True:
            values = {
                "log_day": log.log_day,
                "target_id": log.target_id,
                "after": after,
                "most": _PAGE_ROWS,
                "budget": _PAGE_BYTES,
            }
            # 保管先が遅いあいだ接続を握らないよう、取り出すたびに返す
            async with connecting(self._engine) as connection:
                page = (await connection.execute(_NEXT_ROWS, values)).mappings().all()
            if not page:
                return
            made.row_count += len(page)
            made.rows.append(await asyncio.to_thread(_rows, page))
            for row in page:
                yield row
            after = page[-1]["byte_start"]

    async def _flip(self, place: ObjectPlace, log: _Log, made: _Made, index: tuple[bytes, bytes]) -> bool:
        async with transacting(self._engine) as connection:
            done = (
                await connection.execute(
                    _FLIP,
                    {
                        "target_id": log.target_id,
                        "log_bytes": log.log_bytes,
                        "log_day": log.log_day,
                        "location": place.location,
                        "keys": log.keys,
                    },
                )
            ).one()
            if (done.unlisted, done.gone) != (len(log.keys), made.row_count):
                await connection.rollback()
                return False
            await _record(connection, place, log, made, index)
        return True

    async def _give_up(self, place: ObjectPlace, log: _Log) -> None:
        """移せなかった。控えはだれかが片付けたかもしれないので、もう一度書いてから消す。"""
        async with transacting(self._engine) as connection:
            for key in log.keys:
                await connection.execute(
                    text(
                        "INSERT INTO stray_objects (location, object_key) VALUES (:at, :key)"
                        " ON CONFLICT DO NOTHING"
                    ),
                    {"at": place.location, "key": key},
                )
        await place.delete(log.keys)


async def _record(
    connection: AsyncConnection, place: ObjectPlace, log: _Log, made: _Made, index: tuple[bytes, bytes]
) -> None:
    await connection.execute(
        insert(log_archives).values(
            target_id=log.target_id,
            location=place.location,
            object_key=log.key,
            object_bytes=made.size + len(index[0]) + len(index[1]),
            sha256=made.digest.digest(),
            frame_index=index[0],
            chunk_rows=index[1],
        )
    )


def _log(row: RowMapping) -> _Log:
    about = {
        "target_id": row["id"],
        "execution_id": row["execution_id"],
        "job_name": row["job_name"],
        "server_name": row["server_name"],
        "log_bytes": row["log_bytes"],
        "log_newlines": row["log_newlines"],
    }
    # 試みるたびに別の名前にする。前の試みの片付けが、今の試みの物を消さないように
    key = f"{row['log_day']:%Y/%m}/{row['id']}-{secrets.token_hex(6)}.log.zst"
    return _Log(row["id"], row["log_day"], row["log_bytes"], key, about)


def _facts(made: _Made) -> dict[str, object]:
    return {"object_bytes": made.size, "sha256": made.digest.hexdigest()}


async def _grouped(rows: AsyncIterator[RowMapping]) -> AsyncIterator[list[RowMapping]]:
    """続いている小さなかたまりを、一枠にする組に。間が抜けていれば(大きさの上限で)そこで切る。"""
    group: list[RowMapping] = []
    size = 0
    async for row in rows:
        end = group[-1]["byte_start"] + group[-1]["byte_length"] if group else None
        if group and (end != row["byte_start"] or size + row["byte_length"] > _FRAME_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += row["byte_length"]
    if group:
        yield group


def _rows(page: Sequence[RowMapping]) -> bytes:
    return encode_rows([{name: row[name] for name in row if name != "frame"} for row in page])


def _framed(group: Sequence[RowMapping]) -> bytes:
    if len(group) == 1:
        return bytes(group[0]["frame"])
    return compress_well(b"".join(decompress(row["frame"]) for row in group))


async def _verify(place: ObjectPlace, key: str, expected: bytes) -> None:
    digest = hashlib.sha256()
    async for part in place.read(key):
        await asyncio.to_thread(digest.update, part)
    if digest.digest() != expected:
        raise ArchiveMismatchError(f"{place.location}/{key} does not read back as it was written.")


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data
