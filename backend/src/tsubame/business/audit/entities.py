from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ProjectId


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    """権限か名乗りが足りず、断った。"""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """これから残す監査記録の一行。

    Attributes:
        action: ``部屋.動詞`` の名前(例 ``server.host_key_approved``)。
        subject_type: 操作された物の種類(例 ``server``)。
        details: 前後の差(``changes``)など。秘密の値を入れてはならない。
        project_id: 操作された物のあるプロジェクト。全体のことなら ``None``。
    """

    actor: Actor
    action: str
    subject_type: str
    subject_id: int | None
    subject_name: str
    details: Mapping[str, object] = field(default_factory=dict)
    project_id: ProjectId | None = None
    outcome: Outcome = Outcome.DONE


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """残っている監査記録。人や物が消えても読めるよう、名前は残した時のもの。"""

    id: int
    at: datetime
    actor_id: int | None
    actor_name: str
    token_name: str | None
    address: str
    action: str
    subject_type: str
    subject_id: int | None
    subject_name: str
    project_id: ProjectId | None
    outcome: Outcome
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Link:
    """鎖の一つ。``position`` は 1 から欠けずに続く。``previous`` は一つ前のハッシュ。"""

    position: int
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """鎖の先。まだ一つもなければ、番号 0 と :data:`chain.GENESIS`。"""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class LinkedEvent:
    """記録と、その鎖。``link`` が ``None`` なら、まだつないでいない。"""

    event: RecordedEvent
    link: Link | None


@dataclass(frozen=True, slots=True)
class StoredLink:
    """しまってある鎖の一つ。記録の行が失われていれば、``event`` は ``None``。"""

    position: int
    event_id: int
    hash: bytes
    event: RecordedEvent | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """絞り込み。省いたものは絞らない。

    Attributes:
        words: 人・操作・物の名前・住所の、部分一致。
        since: この時刻から。
        until: この時刻より前。
        projects: このプロジェクトのものだけ(権限による絞り)。``None`` なら全部。
    """

    words: str = ""
    actor_id: int | None = None
    action: str | None = None
    subject_type: str | None = None
    subject_id: int | None = None
    project_id: ProjectId | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    projects: frozenset[ProjectId] | None = None


class FaultCode(StrEnum):
    """鎖の乱れ方。"""

    EDITED = "edited"
    """中身とハッシュが合わない: 書き換え、入れ替え、差し込み。"""
    MISSING = "missing"
    """鎖にはあるのに、記録の行がない。"""
    GAP = "gap"
    """番号が続いていない。"""
    ANCHOR = "anchor"
    """消した分の錨が、記録に残っていない。"""
    UNQUEUED = "unqueued"
    """鎖にも、つなぐのを待つ列にもない。"""
    CUT = "cut"
    """よそに控えたハッシュに届かない、または合わない。"""


@dataclass(frozen=True, slots=True)
class Fault:
    """鎖の乱れ。見つけた、最初のもの。

    Attributes:
        position: 鎖の番号。鎖の外の記録なら ``None``。
    """

    code: FaultCode
    position: int | None
    event_id: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class ChainState:
    """鎖のようす。

    Attributes:
        verifying_position: このプロセスが今確かめている最中なら、ここまで進んだ。
        checked_at: 最後に全部を確かめた時刻。
        checked_position: そのとき、ここまで確かめた。
    """

    head: Head
    events: int
    unchained: int
    anchor: Head | None
    keep_days: int | None
    checked_at: datetime | None
    checked_position: int | None
    fault: str | None
    fault_event_id: int | None
    verifying_position: int | None = None
