from collections.abc import Mapping
from dataclasses import dataclass, field

from tsubame.business.shared.actor import Actor


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """監査記録の一行。

    Attributes:
        action: ``部屋.動詞`` の名前(例 ``server.host_key_approved``)。
        subject_type: 操作された物の種類(例 ``server``)。
        details: 前後の差など。秘密の値を入れてはならない。
    """

    actor: Actor
    action: str
    subject_type: str
    subject_id: int | None
    subject_name: str
    details: Mapping[str, object] = field(default_factory=dict)
