from dataclasses import dataclass
from datetime import datetime

from tsubame.business.shared.ids import ApiTokenId, ProjectId, UserId
from tsubame.business.shared.permissions import Permission, Role


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """だれのトークンか。人なら ``user_id``、プロジェクトなら ``project_id`` とそこでの ``role``。"""

    user_id: UserId | None = None
    project_id: ProjectId | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """値そのものは持たず、ハッシュだけを表に持つ。

    Attributes:
        hint: 値のはじめの数字。一覧で見分けるため。
        scopes: 許した権限。持ち主の役割が許すことのうち、これに入るものだけができる。
        expires_at: ``None`` なら、期限がない。
        last_used_at: 一分より細かくは書かない。
    """

    id: ApiTokenId
    owner: TokenOwner
    name: str
    hint: str
    scopes: frozenset[Permission]
    created_at: datetime
    created_by_name: str
    expires_at: datetime | None
    last_used_at: datetime | None
    last_address: str | None


@dataclass(frozen=True, slots=True)
class TokenDraft:
    """これから作るトークン。``lifetime_days`` が ``None`` なら、期限がない。"""

    name: str
    scopes: frozenset[Permission]
    lifetime_days: int | None
