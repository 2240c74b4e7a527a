"""漏れた一覧の上位に現れるパスワードか。

一覧は Django が手入れしている約二万語(``common_passwords.LICENSE``)。もとは漏れたパスワードの
数の多い順で、小文字になっている。
"""

import gzip
import re
import string
from functools import cache
from importlib import resources
from typing import Final

_LIST: Final = "common_passwords.txt.gz"
_DECORATION: Final = string.digits + string.punctuation
_SHORTEST_CORE: Final = 4
_FEWEST_CHARACTERS: Final = 3
_REPEATED: Final = re.compile(r"(.{1,512}?)\1+", re.DOTALL)
# この製品を攻める人が、まず足す言葉(NIST SP 800-63B §5.1.1.2)
_OURS: Final = frozenset({"tsubame", "tsubame-ci", "tsubameci"})


def is_common(password: str) -> bool:
    """一覧にあるか、その言葉の前後に数字や記号を足しただけか、繰り返しただけか。

    当てる道具は、言葉ごとにこの三つをまず試す。長さの決まりだけでは、どれも通ってしまう。
    """
    plain = password.casefold()
    if len(set(plain)) < _FEWEST_CHARACTERS or _listed(plain):
        return True
    core = plain.strip(_DECORATION)
    repeated = _REPEATED.fullmatch(core)
    unit = repeated.group(1) if repeated else core
    return len(core) >= _SHORTEST_CORE and _listed(unit)


def _listed(word: str) -> bool:
    return word in _OURS or word in _words()


@cache
def _words() -> frozenset[str]:
    packed = resources.files(__package__).joinpath(_LIST).read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n")) - {""}
