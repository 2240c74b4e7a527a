"""かたまりをざっと見る。噴き出すログでも重荷にならないよう、まとめて比べる命令(SIMD)で探す。"""

from typing import Final

import stringzilla

from tsubame.business.executions.log_marks import COMMANDS

# どの命令にもあるので、これがなければ、命令を一つずつは探さない
_EVERY_COMMAND: Final = b"::"
_EVERY_SECTION: Final = b"section_"


def has_marks(data: bytes) -> bool:
    """印の言葉がどこかにあるか。``bytes.find`` の十倍ほど速い。"""
    if stringzilla.find(data, _EVERY_SECTION) >= 0:
        return True
    if stringzilla.find(data, _EVERY_COMMAND) < 0:
        return False
    return any(stringzilla.find(data, word) >= 0 for word in COMMANDS)


def newlines(data: bytes) -> int:
    return int(stringzilla.count(data, b"\n"))
