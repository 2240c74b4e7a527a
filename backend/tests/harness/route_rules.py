"""道ごとの、通す人の決まり。"""

from dataclasses import dataclass
from enum import Enum, auto

from harness.two_projects import Who
from tsubame.business.shared.permissions import Role


class Kind(Enum):
    """相手にするもの。断り方がこれで決まる。"""

    SELF = auto()
    """自分のこと。ログインしていればよい。"""
    WHOLE = auto()
    """設置の全体。どこでも効く役割だけが通す。"""
    LIST = auto()
    """一覧。どこかで役割が足りれば通り、届く物だけが並ぶ。"""
    READ = auto()
    """一つの物を読む。どこでも足りなければ 403、よそでだけ足りれば 404。"""
    WRITE = auto()
    """一つの物に手を出すか、プロジェクトに新しく置く。見えなければ 404、見えても足りなければ 403。"""
    HOLD = auto()
    """プロジェクトそのもの。見えなければ 404、見えても、どこでも効く役割が足りなければ 403。"""


@dataclass(frozen=True)
class Rule:
    kind: Kind
    role: Role = Role.VIEWER

    def status(self, who: Who, *, own: bool) -> int | None:
        """断られるなら、その番号。通るなら ``None``。"""
        here = who.role_in(own=own)
        by_kind = {SELF: Role.ADMIN, WHOLE: who.role, HOLD: who.role, LIST: who.strongest}
        if _enough(by_kind.get(self.kind, here), self.role):
            return None
        if self.kind is READ:
            return 404 if _enough(who.strongest, self.role) else 403
        return 404 if self.kind in {WRITE, HOLD} and here is None else 403


def _enough(held: Role | None, needed: Role) -> bool:
    return held is not None and list(Role).index(held) >= list(Role).index(needed)


SELF, WHOLE, LIST, READ, WRITE, HOLD = Kind
