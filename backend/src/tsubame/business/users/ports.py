from dataclasses import dataclass
from typing import Protocol

from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import User


@dataclass(frozen=True, slots=True)
class NewUser:
    username: str
    password_hash: str
    role: Role | None


class UserRepository(Protocol):
    async def add(self, new: NewUser) -> User:
        """加える。

        Raises:
            NameTakenError: 大文字小文字を区別せずに同じ名前がある。
        """
        ...

    async def find(self, user_id: UserId) -> User | None: ...

    async def everyone(self) -> list[User]:
        """名前の順。"""
        ...

    async def any_exists(self) -> bool: ...

    async def find_for_login(self, username: str) -> tuple[User, str] | None:
        """利用者とパスワードのハッシュ。名前は大文字小文字を区別しない。"""
        ...

    async def replace_password_hash(self, user_id: UserId, password_hash: str) -> None: ...
