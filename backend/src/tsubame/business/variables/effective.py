"""同じ名前の変数のうち、どれが効くか(純粋な関数)。"""

from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from tsubame.business.variables.entities import VariableScope

_STRENGTH: Final = {scope: rank for rank, scope in enumerate(VariableScope)}


class Scoped(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def scope(self) -> VariableScope: ...


ScopedT = TypeVar("ScopedT", bound=Scoped)


def by_strength(variables: Iterable[ScopedT]) -> dict[str, list[ScopedT]]:
    """名前ごとに、強い順に並べる。名前の順。先頭が効き、残りは隠れる。"""
    found: dict[str, list[ScopedT]] = {}
    for variable in sorted(variables, key=lambda each: (each.name, -_STRENGTH[each.scope])):
        found.setdefault(variable.name, []).append(variable)
    return found
