from dataclasses import dataclass
from datetime import datetime

from tsubame.business.shared.ids import UserId
from tsubame.business.users.entities import User


@dataclass(frozen=True, slots=True)
class AccessToken:
    """短命の通行証。画面は記憶の中だけに持つ。"""

    value: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """確かめ終えた通行証の中身。"""

    user_id: UserId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """通行証の持ち主。``expires_at`` を過ぎたら、取り直した通行証で確かめ直すこと(WebSocket)。"""

    user: User
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """更新券の値。HttpOnly の Cookie にだけ入れる。"""

    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """ログイン、または更新の結果。

    Attributes:
        refresh: 新しい更新券。``None`` なら、持っている券をそのまま使い続ける
            (二つのタブが同時に更新し、先の一方がもう新しい券を受け取ったとき)。
    """

    user: User
    access: AccessToken
    refresh: RefreshToken | None


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """更新券の行。値そのものは持たず、ハッシュだけを持つ。

    Attributes:
        family: 一度のログインから続く券のつながり。盗用に気づいたら家族ごと無効にする。
    """

    token_hash: bytes
    family: str
    user_id: UserId
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """どこからのログインか。利用者が自分の券の一覧を見分けるために残す。"""

    address: str
    user_agent: str
