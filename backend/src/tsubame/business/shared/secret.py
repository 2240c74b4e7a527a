"""うっかり表示されない秘密の値。"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """``repr`` や例外の文に値が出ない文字列。値は ``reveal()`` を書いた場所でだけ読める。"""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "********"
