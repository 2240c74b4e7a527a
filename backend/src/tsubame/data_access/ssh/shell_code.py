"""サーバへ送るシェルの符号。

``scripts/*.sh`` を読み、注釈と改行を除いて一行にし、exec の要求に載せる形にする。
相手のログインシェルが何であっても(bash、dash、ash、zsh、fish、csh、tcsh)同じ一行として届くよう、
一重引用符の中で意味を持つ文字を許さない。
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

from tsubame.business.servers.entities import Sudo

_PARTS: Final = {
    "start": ("common", "process", "create", "follow", "start"),
    "attach": ("common", "process", "follow", "attach"),
    "probe": ("common", "process", "follow", "probe"),
    "touch": ("common", "touch"),
    "cancel": ("common", "process", "create", "mark", "hunt", "cancel"),
    "remove": ("common", "process", "remove"),
    "list": ("common", "process", "list"),
    "check": ("common", "create", "mark", "check"),
    "runner": ("mark", "runner"),
    "second_half": ("enter", "script"),
    "guarded_second_half": ("enter", "process", "hunt", "guard", "script"),
    "second_half_with_files": ("enter", "files", "script"),
    "guarded_second_half_with_files": ("enter", "files", "process", "hunt", "guard", "script"),
    "sudo": ("sudo",),
}

_QUOTED: Final = re.compile(r'\\.|"(?:\\.|[^"\\])*"')
# この形で終わる行のあとに ``;`` を置くと文法が壊れる。
_OPEN_ENDED: Final = re.compile(r"(?:\b(?:then|do|else|in)|[({|;&])$")

# 感嘆符は csh が引用の中でも履歴として読むので、逆斜線を付けて引数で渡す。
_START: Final = """'bang=$1; eval "$2"' t \\!"""
# 利用者を替えたあとは、通り抜けたことを先に言う。
_START_AS: Final = """'bang=$1; printf "\\ntsubame1 %s in\\n" "$4" >&2; eval "$2"' t \\!"""


class UnsafeShellCodeError(Exception):
    """一行にできない書き方、または送れない文字。配布物の誤りであり、利用者の入力では起きない。"""


def minify(source: str) -> str:
    """注釈・空行・字下げを除き、一行にする。

    行の継ぎ足し、ヒアドキュメント、行をまたぐ引用、行末の注釈は、黙って壊さずに拒む。
    """
    code = ""
    for number, raw in enumerate(source.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        _check_line(line, number)
        code = _join(code, line)
    check_characters(code)
    return code


def _check_line(line: str, number: int) -> None:
    bare = _QUOTED.sub("Q", line)
    if '"' in bare or line.endswith("\\"):
        raise UnsafeShellCodeError(f"line {number}: a quote or a continuation crosses the end of the line")
    if "<<" in bare or re.search(r"\s#", bare):
        raise UnsafeShellCodeError(f"line {number}: here-documents and trailing comments are not allowed")


def _join(code: str, line: str) -> str:
    if not code:
        return line
    separator = " " if _OPEN_ENDED.search(code) or code.endswith("\v") else "; "
    # case の見出し(閉じ括弧だけが余る行)のあとにも ``;`` は置けない。次の行まで目印で覚えておく。
    bare = _QUOTED.sub("Q", line)
    is_pattern = bare.endswith(")") and not bare.startswith(")") and bare.count(")") > bare.count("(")
    return code.rstrip("\v") + separator + line + ("\v" if is_pattern else "")


def check_characters(text: str) -> None:
    """どのログインシェルの一重引用符の中でも、そのまま届く文字だけか。"""
    # fish は引用の中でも「\\\\」と「\\'」を解き、csh は「!」を履歴として解く(「!=」は別)。
    if "'" in text or "\\\\" in text or text.endswith("\\") or re.search(r"[\x00-\x1f\x7f]", text):
        raise UnsafeShellCodeError("a quote, a double backslash or a control character")
    if "!" in text.replace("!=", ""):
        raise UnsafeShellCodeError("an exclamation mark (csh would expand it)")


def source(operation: str) -> str:
    """一つの操作の、つなげただけの原文。"""
    folder = resources.files(__package__) / "scripts"
    return "\n".join((folder / f"{part}.sh").read_text(encoding="utf-8") for part in _PARTS[operation])


@cache
def code(operation: str) -> str:
    """一つの操作の、一行にした符号。"""
    return minify(source(operation))


def command_line(shell: str, operation: str, arguments: Sequence[str], sudo: Sudo | None = None) -> str:
    """要求に載せる一行。

    Args:
        shell: POSIX シェルの呼び方(既定は ``/bin/sh``)。
        operation: ``_PARTS`` の名前。
        arguments: run_id、nonce、置き場所の指定(なければ ``-``)、以降は操作ごと。
        sudo: 替わる利用者。パスワードはここには載らない。

    Raises:
        UnsafeShellCodeError: 引数に、引用の中でも意味を持つ文字がある。
    """
    if sudo is None:
        return f"exec {shell} -c {_START} {_words(code(operation), *arguments)}"
    _, nonce, *_ = arguments
    password = "never" if sudo.password is None else "ask"
    become = _words(code("sudo"), "t", nonce, sudo.user, password)
    return f"exec {shell} -c {become} {shell} -c {_START_AS} {_words(code(operation), *arguments)}"


def _words(*arguments: str) -> str:
    for argument in arguments:
        check_characters(argument)
    return " ".join(f"'{argument}'" for argument in arguments)
