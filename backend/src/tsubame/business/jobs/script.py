"""スクリプトを、サーバへ送る形にする。純粋な関数だけ。"""

import re
from typing import Final

from tsubame.business.jobs.entities import ScriptSpec

DEFAULT_INTERPRETER: Final = ("/bin/sh",)
_BOM: Final = "\ufeff"
_BLANK: Final = " \t"
_INTERPRETER: Final = re.compile(r"[A-Za-z0-9._/@%+=:,-]+(?:[ \t]+[A-Za-z0-9._/@%+=:,-]+)*")


def script_bytes(spec: ScriptSpec) -> bytes:
    """送るバイト列。UTF-8。

    改行の CRLF は LF に直し、先頭の BOM は落とす。どちらも Windows の道具が付けるもので、
    残すと ``#!`` の行が読めず、行末の CR が命令の一部になる。
    """
    return spec.script.removeprefix(_BOM).replace("\r\n", "\n").encode()


def interpreter_of(spec: ScriptSpec) -> tuple[str, ...]:
    """解釈系とその引数。

    明示されていればそれ。なければ ``#!`` の行をカーネルと同じに読む: 空白のあとの全部が、
    一つの引数になる(execve(2)。``env -S`` が要るのはこのため)。それもなければ ``/bin/sh``。
    """
    if spec.interpreter is not None:
        return tuple(spec.interpreter.split())
    first_line = spec.script.removeprefix(_BOM).split("\n", 1)[0].removesuffix("\r")
    if not first_line.startswith("#!"):
        return DEFAULT_INTERPRETER
    path, _, rest = first_line[2:].strip(_BLANK).replace("\t", " ").partition(" ")
    argument = rest.strip(_BLANK)
    if not path:
        return DEFAULT_INTERPRETER
    return (path, argument) if argument else (path,)


def is_interpreter(value: str) -> bool:
    """明示する解釈系の形か。語は空白で分かれ、引用符は使えない。"""
    return _INTERPRETER.fullmatch(value) is not None
