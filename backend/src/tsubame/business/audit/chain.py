"""ハッシュの鎖。記録の一つずつが、一つ前のハッシュと自分の中身の SHA-256 を持つ。

決まりはここだけにあり、つなぐ側・確かめる側・書き出した物を確かめる側が、同じ関数を通る。
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from tsubame.business.audit.entities import Head, Link, RecordedEvent

GENESIS: Final = bytes(32)
"""最初の記録の、一つ前のハッシュ。"""

START: Final = Head(0, GENESIS)
# 百万の記録を確かめるとき、一つずつ作り直さない
_compact: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def plain(event: RecordedEvent) -> dict[str, object]:
    """書き出す形。``None`` の欄は書かない。後の版で欄が増えても、前の記録のハッシュが変わらないように。"""
    fields: dict[str, object] = {
        "id": event.id,
        "at": event.at.astimezone(UTC).strftime(_TIME),
        "actor_id": event.actor_id,
        "actor_name": event.actor_name,
        "token_name": event.token_name,
        "address": event.address,
        "action": event.action,
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        "subject_name": event.subject_name,
        "project_id": event.project_id,
        "outcome": event.outcome,
        "details": event.details,
    }
    return {name: value for name, value in fields.items() if value is not None}


def canonical(position: int, fields: Mapping[str, object]) -> bytes:
    """名前の順に並べ、余白のない JSON(UTF-8)。同じ中身なら、いつでも同じバイト列になる。"""
    return _compact({**fields, "position": position}).encode("utf-8", "surrogatepass")


def digest(previous: bytes, position: int, fields: Mapping[str, object]) -> bytes:
    return hashlib.sha256(previous + canonical(position, fields)).digest()


def link_after(head: Head, event: RecordedEvent) -> Link:
    position = head.position + 1
    return Link(position, head.hash, digest(head.hash, position, plain(event)))


def parsed_time(value: str) -> datetime:
    return datetime.strptime(value, _TIME).replace(tzinfo=UTC)
