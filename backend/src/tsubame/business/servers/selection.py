"""札の式でサーバを選ぶ(例 ``web and prod and not canary``、``db or name:edge-*``)。

結びつきは not、and、or の順に強い。式の木は、サーバを渡すと当てはまるかを答える関数の重なりになる。
"""

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tsubame.business.servers.entities import HostKeyState
from tsubame.business.shared.errors import FieldError, InvalidInputError
from tsubame.business.shared.ids import ServerId

MAX_SELECTOR: Final = 1000
# 深いかっこや not の重ねで、Python の呼び出しの深さを使い切らせない
_DEEPEST: Final = 50
# 語は空白とかっこで分かれる。名前の型に空白を書けるよう、引用符の中では分けない
_TOKEN: Final = re.compile(r'[()]|(?:[^\s()"]|"[^"]*")+|"')
_TAG: Final = re.compile(r"[A-Za-z0-9._:/=-]+")
_NAME_PREFIX: Final = "name:"
_RESERVED: Final = frozenset({"and", "or", "not", "(", ")"})


@dataclass(frozen=True, slots=True)
class SelectableServer:
    """選ばれうるサーバ。"""

    id: ServerId
    name: str
    tags: tuple[str, ...]
    host_key_state: HostKeyState


Selector = Callable[[SelectableServer], bool]


def select_servers(
    named: Sequence[ServerId], selector: Selector | None, everyone: Sequence[SelectableServer]
) -> list[SelectableServer]:
    """名指しと式の、どちらかに当てはまるサーバ。名指しが並べた順で先、続きは名前の順。"""
    by_id = {server.id: server for server in everyone}
    chosen = {server_id: by_id[server_id] for server_id in named if server_id in by_id}
    if selector is not None:
        for server in sorted(everyone, key=lambda server: (server.name.casefold(), server.id)):
            if selector(server):
                chosen.setdefault(server.id, server)
    return list(chosen.values())


class SelectorSyntaxError(InvalidInputError):
    """式が読めない。``params`` に、読めなくなった文字の位置(1 から)と、そこにあった語を持つ。"""

    def __init__(self, code: str, message: str, position: int, token: str = "") -> None:
        super().__init__([FieldError("selector", code, message, {"position": position, "token": token})])
        self.position = position
        self.token = token


def parse_selector(expression: str) -> Selector:
    """式を読む。

    Raises: SelectorSyntaxError。
    """
    if len(expression) > MAX_SELECTOR:
        raise SelectorSyntaxError(
            "selector_too_long", f"A selector has at most {MAX_SELECTOR} characters.", MAX_SELECTOR + 1
        )
    if not expression.strip():
        raise SelectorSyntaxError("selector_empty", "Write a tag, such as web.", 1)
    return _Reader(expression).read()


class _Reader:
    """式を左から読む(再帰下降)。"""

    def __init__(self, expression: str) -> None:
        self._tokens = [(found.group(), found.start() + 1) for found in _TOKEN.finditer(expression)]
        # 終わりの印。ここまで読んで足りなければ、続きがあるべき位置を言う
        self._tokens.append(("", len(expression) + 1))
        self._next = 0

    def read(self) -> Selector:
        selector = self._any_of(0)
        if self._word():
            raise self._unexpected()
        return selector

    def _any_of(self, depth: int) -> Selector:
        choices = [self._all_of(depth)]
        while self._take("or"):
            choices.append(self._all_of(depth))
        return choices[0] if len(choices) == 1 else lambda server: any(choice(server) for choice in choices)

    def _all_of(self, depth: int) -> Selector:
        conditions = [self._one(depth)]
        while self._take("and"):
            conditions.append(self._one(depth))
        if len(conditions) == 1:
            return conditions[0]
        return lambda server: all(condition(server) for condition in conditions)

    def _one(self, depth: int) -> Selector:
        if depth > _DEEPEST:
            raise SelectorSyntaxError(
                "selector_too_deep",
                f"A selector nests at most {_DEEPEST} levels.",
                self._position(),
                self._word(),
            )
        if self._take("not"):
            negated = self._one(depth + 1)
            return lambda server: not negated(server)
        if self._take("("):
            inner = self._any_of(depth + 1)
            if not self._take(")"):
                raise self._unexpected()
            return inner
        return self._condition()

    def _condition(self) -> Selector:
        word = self._word()
        if not word or word.lower() in _RESERVED or word.count('"') % 2 or word == _NAME_PREFIX:
            raise self._unexpected()
        if word.startswith(_NAME_PREFIX):
            pattern = word.removeprefix(_NAME_PREFIX).replace('"', "").casefold()
            self._next += 1
            return lambda server: fnmatch.fnmatchcase(server.name.casefold(), pattern)
        if not _TAG.fullmatch(word):
            raise SelectorSyntaxError(
                "selector_bad_tag",
                f"{word!r} cannot be a tag. To choose by name, write name:PATTERN.",
                self._position(),
                word,
            )
        self._next += 1
        return lambda server: word in server.tags

    def _word(self) -> str:
        return self._tokens[self._next][0]

    def _position(self) -> int:
        return self._tokens[self._next][1]

    def _take(self, word: str) -> bool:
        if self._word().lower() != word:
            return False
        self._next += 1
        return True

    def _unexpected(self) -> SelectorSyntaxError:
        word, position = self._word(), self._position()
        if not word:
            return SelectorSyntaxError("selector_unfinished", "The selector ends too early.", position)
        return SelectorSyntaxError(
            "selector_unexpected", f"{word!r} cannot stand at character {position}.", position, word
        )
