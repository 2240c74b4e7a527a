"""取引の口。一つの用件は一つの取引で終わり、サービスだけがそれを開く。"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

TxT_co = TypeVar("TxT_co", covariant=True)


class Transactions(Protocol[TxT_co]):
    """``begin()`` を抜けると確定し、例外なら取り消す。

    部屋ごとに、自分が使うリポジトリだけを持つ ``…Tx`` を定める。実装は一つで、
    その全部を満たす。SSH・HTTP・WebSocket を待つあいだ開いたままにしてはならない。
    """

    def begin(self) -> AbstractAsyncContextManager[TxT_co]: ...

    def look(self) -> AbstractAsyncContextManager[TxT_co]:
        """読むだけの用件に。文ごとに別の時点を見てよいなら、取引の始めと終わりの往復が要らない。"""
        ...
