from typing import Protocol

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.entities import User
from tsubame.business.users.ports import UserRepository


class UsersTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def users(self) -> UserRepository: ...


class UserService:
    def __init__(self, transactions: Transactions[UsersTx]) -> None:
        self._transactions = transactions

    async def everyone(self, actor: Actor) -> list[User]:
        """名前の順。履歴を利用者で絞るのに使うので、止められた人も含む。"""
        # 名前は、だれの実行の履歴にも出る。プロジェクトにだけ入れる人にも隠さない
        actor.reach(Permission.USER_READ)
        async with self._transactions.begin() as tx:
            return await tx.users.everyone()
