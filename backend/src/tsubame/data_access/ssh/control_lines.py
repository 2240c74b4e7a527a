"""標準エラーに混ざって届く、制御の行(``tsubame1 NONCE VERB k=v …``)。

ほかの行は相手のシェルの雑音で、うまくいかなかったときに見せるためだけに少し覚えておく。
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tsubame.data_access.ssh.errors import shown

PREFIX: Final = b"tsubame1 "
_NOISE_BYTES: Final = 2048
_LINE_BYTES: Final = 64 * 1024
# 空白を含みうる値は、行の最後に置いて、行末までを値とする。
_TO_END: Final = frozenset({"d", "left", "uname"})


@dataclass(frozen=True, slots=True)
class ControlLine:
    verb: str
    values: Mapping[str, str]


class ControlReader:
    """届いたバイト列から制御の行を取り出す。"""

    def __init__(self, nonce: str) -> None:
        self._head = PREFIX + nonce.encode("ascii") + b" "
        self._rest = b""
        self._noise = b""

    def feed(self, data: bytes) -> Iterator[ControlLine]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(self._head):
                yield _parse(line[len(self._head) :].decode("utf-8", "replace"))
            else:
                self.hear(line + b"\n")
        # 改行のない雑音が続いても、覚える量を抑える。
        self._rest = self._rest[-_LINE_BYTES:]

    def take(self, prompt: bytes) -> bool:
        """改行で終わらない求めの文が届いていれば、取り除いて真を返す。"""
        before, found, after = self._rest.partition(prompt)
        if found:
            self.hear(before)
            self._rest = after
        return bool(found)

    def hear(self, noise: bytes) -> None:
        self._noise += noise[: _NOISE_BYTES - len(self._noise)]

    @property
    def noise(self) -> str:
        return shown(self._noise + self._rest)


def _parse(text: str) -> ControlLine:
    verb, _, rest = text.partition(" ")
    values: dict[str, str] = {}
    while rest:
        word, _, tail = rest.partition(" ")
        key, _, value = word.partition("=")
        if key in _TO_END:
            values[key] = rest.partition("=")[2]
            break
        if key:
            values[key] = value
        rest = tail
    return ControlLine(verb, values)
