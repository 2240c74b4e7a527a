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
class SignedIn:
    """ログインの結果。``refresh_token`` は HttpOnly の Cookie にだけ入れる。"""

    user: User
    access: AccessToken
    refresh_token: str
    refresh_expires_at: datetime


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
