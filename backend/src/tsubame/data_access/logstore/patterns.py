"""探すものを、何を書かれても時間が行の長さに比例する形にする(RE2)。

文法は https://github.com/google/re2/wiki/Syntax 。一行の中だけに当たり、``^`` と ``$`` は行の端。
"""

import re
from typing import Any, Final, Protocol, runtime_checkable

import re2

from tsubame.business.executions.errors import SearchPatternError
from tsubame.business.executions.log_search_ports import SearchQuery

MAX_CHARS: Final = 1000
# 状態の置き場の上限。超えると RE2 は遅いが記憶の増えないやり方に切り替える
_MEMORY: Final = 8 * 1024 * 1024
# 前の当たりのすぐ先は、こちらのほうが早い(RE2 は一度呼ぶごとに十倍かかり、遠くまでなら数倍速い)
_NEAR: Final = 4096
_VERY_NEAR: Final = 256
# 行ではなく「渡したバイト列」の端や途中を指すもの。行をまとめて渡すので、意味が変わってしまう
_BEYOND_LINES: Final = re.compile(rb"\\(.)|\(\?[a-zA-Z]*-[a-zA-Z]*m", re.DOTALL)
_WORD: Final = re.compile(r"[0-9A-Za-z_]")


@runtime_checkable
class CompiledPattern(Protocol):
    def search(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        """``data[start:end]`` の中の、最初の当たりの始まりと終わり。外のバイトも、行の端かどうかには効く。"""
        ...


def compile_pattern(query: SearchQuery) -> CompiledPattern:
    """Raises: SearchPatternError。"""
    if not query.text:
        raise SearchPatternError("Enter something to search for.")
    if len(query.text) > MAX_CHARS:
        raise SearchPatternError(f"This is longer than {MAX_CHARS} characters.")
    if "\n" in query.text:
        raise SearchPatternError("A search looks at one line at a time, so it cannot contain a line break.")
    if query.regex:
        return _Regex(_regex_source(query), case=query.case)
    source = _word_source(query.text) if query.word else re2.escape(query.text)
    found = _Regex(source.encode("utf-8", "replace"), case=query.case)
    if query.word or not (query.case or query.text.isascii()):
        return found
    needle = query.text.encode("utf-8", "replace")
    return _Plain(needle, found) if query.case else _AnyCase(needle, found)


class _Regex:
    def __init__(self, source: bytes, *, case: bool) -> None:
        self._compiled = _compile(b"(?m)" + source, case=case)

    def search(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        found = self._compiled.search(data, start, end)
        return None if found is None else found.span()


class _Plain:
    def __init__(self, needle: bytes, far: _Regex) -> None:
        self._needle = needle
        self._far = far

    def search(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        near = data.find(self._needle, start, min(end, start + _NEAR))
        if near >= 0:
            return near, near + len(self._needle)
        return self._far.search(data, start, end)


class _AnyCase:
    def __init__(self, needle: bytes, far: _Regex) -> None:
        """``needle`` は ASCII だけ。"""
        self._needle = needle.lower()
        self._far = far

    def search(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        window = data[start : min(end, start + _VERY_NEAR)]
        # ASCII でない文字(K や ſ)も、大文字と小文字を分けなければ ASCII に当たるので、RE2 に任せる
        near = window.lower().find(self._needle) if window.isascii() else -1
        if near >= 0:
            return start + near, start + near + len(self._needle)
        return self._far.search(data, start, end)


def _regex_source(query: SearchQuery) -> bytes:
    source = query.text.encode("utf-8", "replace")
    for found in _BEYOND_LINES.finditer(source):
        if found.group(1) is None or found.group(1) in b"AzC":
            refused = found.group().decode("utf-8", "replace")
            raise SearchPatternError(f"{refused} is not supported here; use ^ and $ for the ends of a line.")
    # そのままで読めることを先に確かめる。かっこの足りない式が、付け足したかっこと合ってしまわないように
    _compile(source, case=query.case)
    return rb"\b(?:" + source + rb")\b" if query.word else source


def _word_source(text: str) -> str:
    r"""端が記号や日本語なら、そこには ``\b`` を付けない(付けると、どこにも当たらなくなる)。"""
    before = r"\b" if _WORD.match(text[0]) else ""
    after = r"\b" if _WORD.match(text[-1]) else ""
    return before + str(re2.escape(text)) + after


def _compile(source: bytes, *, case: bool) -> Any:
    """re2 には型がない。Raises: SearchPatternError。"""
    options = re2.Options()
    # 改行を当たりに含めない。まとめて渡した行を、一行ずつ渡したのと同じにする
    options.never_nl = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = case
    try:
        compiled = re2.compile(source, options)
    except re2.error as exc:
        raise SearchPatternError(_said(exc)) from exc
    # re2 の覚え書きは 128 個までの式を、育った状態の表ごと持ち続ける。使い終わったら消えるように
    re2.purge()
    return compiled


def _said(exc: re2.error) -> str:
    said = exc.args[0] if exc.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
