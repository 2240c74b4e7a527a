"""ログで伏せられる値か。伏せ方そのものは executions の部屋が持つ。"""

from typing import Final

MIN_CHARS: Final = 4
"""これより短い値は伏せない。ログのそこら中に偶然現れ、伏せた跡がかえって値を教える。"""


def visible_length(value: bytes) -> int:
    """前後の空白を除いた文字の数。文字として読めなければ、バイトの数。"""
    try:
        return len(value.decode("utf-8", "surrogatepass").strip())
    except UnicodeDecodeError:
        return len(value.strip())


def is_maskable(value: bytes) -> bool:
    return visible_length(value) >= MIN_CHARS
