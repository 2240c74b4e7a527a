from dataclasses import dataclass, replace
from datetime import datetime

from tsubame.business.auth.errors import PasswordChangeNeededError
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import SessionId, UserId
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
    session_id: SessionId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """一度のログインから続くつながり。更新券も通行証も、これが終われば使えない。

    Attributes:
        address: 最後に使われた所。
        last_used_at: 一分より細かくは書かない。
        vouched: 二段階を外の提供者に任せた。役割が二段階を求めても、こちらの用意は要らない。
    """

    id: SessionId
    user_id: UserId
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    address: str
    user_agent: str
    vouched: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """通行証の持ち主。``expires_at`` を過ぎたら、取り直した通行証で確かめ直すこと(WebSocket)。"""

    user: User
    session: Session
    expires_at: datetime
    address: str

    def itself(self) -> Actor:
        """自分のことだけをする主体。パスワードを替えなければならない人でも、替えることはできる。"""
        return replace(self.user.as_actor(), address=self.address)

    def actor(self) -> Actor:
        """操作の主体。

        Raises: PasswordChangeNeededError。
        """
        if self.user.must_change_password:
            raise PasswordChangeNeededError("Choose a new password first.")
        return self.itself()


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
        device: 新しく入ったときに渡す、「前に入った端末」の印。
    """

    user: User
    access: AccessToken
    refresh: RefreshToken | None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """更新券の行。値そのものは持たず、ハッシュだけを持つ。盗用に気づいたら、ログインごと終わらせる。"""

    token_hash: bytes
    session_id: SessionId
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """どこからのログインか。利用者が自分のログインの一覧を見分けるために残す。"""

    address: str
    user_agent: str
    device: str = ""
    """前に入ったときに渡した印。なければ空。"""
    refresh: str = ""
    """このブラウザが今持っている更新券。入り直すと、そのログインは終わる。"""
