"""物の置き場(手元のディレクトリ、S3、GCS、Azure)。住所だけで選び、鍵は環境から読む。"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError, GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore, from_url

from tsubame.business.storage.errors import (
    ArchivedObjectMissingError,
    ArchiveRefusedError,
    ArchiveUnavailableError,
)

# これより小さければ一度で送る。S3 の分割の送信は、往復が三つ増える
_ONE_PUT_BYTES: Final = 8 * 1024 * 1024
_READ_BYTES: Final = 4 * 1024 * 1024
_REQUEST_S: Final = 60
_ANSWER_S: Final = 90
_RETRY_S: Final = 40
_CONNECT_S: Final = 5


class ObjectPlace:
    """一つの保管先。どの操作も ``ArchiveUnavailableError`` か ``ArchiveRefusedError`` を投げうる。"""

    def __init__(self, location: str) -> None:
        self.location = location
        self._store = _open(location)

    async def put(self, key: str, parts: AsyncIterator[bytes]) -> None:
        """順に置く。途中の姿は、だれにも見えない。戻ったときには、電源が落ちても消えない。"""
        head = await _take(parts, _ONE_PUT_BYTES)
        with _translated(self.location, key):
            if head.complete:
                async with asyncio.timeout(_ANSWER_S):
                    await obstore.put_async(self._store, key, b"".join(head.parts))
            else:
                # 一つ一つの送信には _REQUEST_S の上限がかかる。全体は大きさしだい
                await obstore.put_async(
                    self._store, key, _chain(head.parts, parts), chunk_size=_ONE_PUT_BYTES, max_concurrency=2
                )
        if isinstance(self._store, LocalStore):
            await asyncio.to_thread(_reach_the_disk, _local_path(self._store, key))

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """全部を順に。一つの要求の時間に収まるよう、区切って読む。"""
        with _translated(self.location, key):
            async with asyncio.timeout(_ANSWER_S):
                size = (await obstore.head_async(self._store, key))["size"]
        for start in range(0, size, _READ_BYTES):
            yield await self.read_range(key, start, min(start + _READ_BYTES, size))

    async def read_range(self, key: str, start: int, end: int) -> bytes:
        with _translated(self.location, key):
            async with asyncio.timeout(_ANSWER_S):
                return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))

    async def delete(self, keys: Sequence[str]) -> None:
        """消す。ない物は、消えたのと同じ。"""
        for key in keys:
            with _translated(self.location, key), contextlib.suppress(FileNotFoundError):
                async with asyncio.timeout(_ANSWER_S):
                    await obstore.delete_async(self._store, key)
            if isinstance(self._store, LocalStore):
                await asyncio.to_thread(_remove_unfinished, _local_path(self._store, key))

    async def keys(self) -> list[str]:
        """置いてある物の全部。多いので、試験と点検でだけ使う。"""
        with _translated(self.location, ""):
            return [meta["path"] for meta in await obstore.list(self._store).collect_async()]


class ObjectPlaces:
    """住所から保管先。保管先を替えたあとも、前の場所の物を読める。

    Attributes:
        current: これから置く先。``None`` なら、保管は行わない。
    """

    def __init__(self, current: str | None) -> None:
        self.current = current
        self._places: dict[str, ObjectPlace] = {}

    def at(self, location: str) -> ObjectPlace:
        """Raises: ArchiveRefusedError(この住所は開けない)。"""
        place = self._places.get(location)
        if place is None:
            place = self._places[location] = ObjectPlace(location)
        return place


def _open(location: str) -> ObjectStore:
    with _translated(location, ""):
        if location.startswith("file://"):
            path = Path(location.removeprefix("file://"))
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return LocalStore(path)
        return from_url(
            location,
            client_options={
                # 既定の相手はどこも https。http になるのは、管理者が端点をそう書いたときだけ
                "allow_http": True,
                "connect_timeout": timedelta(seconds=_CONNECT_S),
                "timeout": timedelta(seconds=_REQUEST_S),
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=_RETRY_S)},
        )


@contextlib.contextmanager
def _translated(location: str, key: str) -> Iterator[None]:
    """Raises: ArchiveUnavailableError, ArchiveRefusedError, ArchivedObjectMissingError。"""
    try:
        yield
    except FileNotFoundError as exc:
        raise ArchivedObjectMissingError(f"{location} has no object {key!r}.") from exc
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as exc:
        raise ArchiveRefusedError(f"{location} refused us: {_first_line(exc)}") from exc
    except (TimeoutError, GenericError, OSError) as exc:
        raise ArchiveUnavailableError(f"{location} cannot be reached: {_first_line(exc)}") from exc
    except (BaseError, ValueError) as exc:
        raise ArchiveRefusedError(f"{location} cannot be used: {_first_line(exc)}") from exc


def _first_line(exc: BaseException) -> str:
    # 二行目からは Rust の型の書き出しで、人には読めない
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:300]


class _Head:
    def __init__(self, parts: list[bytes], *, complete: bool) -> None:
        self.parts = parts
        self.complete = complete


async def _take(parts: AsyncIterator[bytes], most: int) -> _Head:
    taken, size = [], 0
    async for part in parts:
        taken.append(part)
        size += len(part)
        if size > most:
            return _Head(taken, complete=False)
    return _Head(taken, complete=True)


async def _chain(head: Sequence[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for part in head:
        yield part
    async for part in rest:
        yield part


def _local_path(store: LocalStore, key: str) -> Path:
    return Path(store.prefix or "/") / key


def _reach_the_disk(path: Path) -> None:
    # obstore は fsync しない。行を消すのは表の側が円盤に届いてからなので、こちらも届けておく
    for place in (path, path.parent, path.parent.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove_unfinished(path: Path) -> None:
    """置いている途中で死んだ書きかけ(``名前#番号``)。obstore の一覧には出ない。"""
    for left in path.parent.glob(f"{path.name}#*") if path.parent.is_dir() else ():
        left.unlink(missing_ok=True)
