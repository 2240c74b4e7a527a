from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import InvitationId, ProjectId, UserId
from tsubame.business.shared.permissions import Role


class Language(StrEnum):
    JAPANESE = "ja"
    ENGLISH = "en"


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Preferences:
    """画面の好み。``None`` は「選んでいない」で、その端末に合わせる。

    Attributes:
        time_zone: IANA の名前(例 ``Asia/Tokyo``)。使うのは画面だけなので、名前があるかまでは確かめない。
    """

    language: Language | None = None
    theme: Theme | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """利用者。パスワードのハッシュは ``find_for_login`` でしか読めない場所に置く。

    Attributes:
        role: どこでも効く役割。``None`` なら、``project_roles`` にあるプロジェクトだけに入れる。
        project_roles: プロジェクトごとの役割。
        has_password: 偽なら、外のログインだけで入る人。
        must_change_password: 立っているあいだは、パスワードを替えることしかできない。
        password_expires_at: 一度きりのパスワードの期限。自分で選んだパスワードなら ``None``。
    """

    id: UserId
    username: str
    role: Role | None
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool = True
    must_change_password: bool = False
    password_expires_at: datetime | None = None
    last_seen_at: datetime | None = None
    preferences: Preferences = field(default_factory=Preferences)
    project_roles: Mapping[ProjectId, Role] = field(default_factory=dict)

    def as_actor(self) -> Actor:
        return Actor(user_id=self.id, name=self.username, role=self.role, project_roles=self.project_roles)


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """しまう形のパスワード。一度きりのものなら、替える印と期限が付く。"""

    hash: str
    must_change: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """招待。リンクの値そのものは持たず、ハッシュだけを持つ。使われたら消える。

    Attributes:
        role: どこでも効く役割。``None`` なら、``project_roles`` のプロジェクトだけに入れる。
        project_roles: 入ったときに持つ、プロジェクトごとの役割。
    """

    id: InvitationId
    role: Role | None
    project_roles: Mapping[ProjectId, Role]
    note: str
    created_at: datetime
    created_by_name: str
    expires_at: datetime
