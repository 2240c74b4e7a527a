"""秘密の値が、ログの中でとりうる形を並べる(純粋な関数)。"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

MIN_CHARS: Final = 4
"""これより短い値は伏せない。ログのそこら中に偶然現れ、伏せた跡がかえって値を教える。"""

# base64(1) と openssl が行を折る幅
_WRAP_WIDTHS: Final = (76, 64)
# 折った最後の行が「Cg==」のような、どこにでもある短い文字列になるのを除く
_MIN_WRAPPED: Final = 8
_PERCENT: Final = re.compile("%[0-9A-F]{2}")


def forms_of(secrets: Iterable[str]) -> frozenset[bytes]:
    """値そのもの・各行・JSON・URL・base64 の形。どれも ``MIN_CHARS`` バイト以上。"""
    return frozenset(
        form
        for secret in secrets
        for unit in _units(secret)
        for form in (*_texts(unit), *_base64(unit.encode("utf-8", "surrogatepass")))
        if len(form) >= MIN_CHARS
    )


def _units(secret: str) -> set[str]:
    # 末尾の改行は値のうちと見ない。伏せたとたんに次の行とつながってしまう
    value = secret.strip("\r\n")
    lines = {line.strip() for line in value.split("\n")}
    # 行ごと字下げされていても、そのままでも見つける
    return {unit for unit in {value, value.strip(), *lines} if len(unit.strip()) >= MIN_CHARS}


def _texts(unit: str) -> Iterator[bytes]:
    quoted = {quote(unit, safe="", errors="surrogatepass"), quote(unit, errors="surrogatepass")}
    quoted.add(quote_plus(unit, errors="surrogatepass"))
    quoted |= {_PERCENT.sub(lambda found: found.group().lower(), form) for form in quoted}
    escaped = {json.dumps(unit)[1:-1], json.dumps(unit, ensure_ascii=False)[1:-1]}
    escaped |= {form.replace("/", "\\/") for form in escaped}
    for form in {unit, *quoted, *escaped}:
        yield form.encode("utf-8", "surrogatepass")


def _base64(raw: bytes) -> Iterator[bytes]:
    """前に 0・1・2 バイト付いたときの base64 のうち、この値だけで決まる文字の並び(RFC 4648 4・5 節)。"""
    forms = {_core(raw, 0), _core(raw, 1), _core(raw, 2)}
    # echo が足す改行まで含めて符号化されることが多い
    for whole in (base64.b64encode(raw), base64.b64encode(raw + b"\n")):
        forms.add(whole)
        for width in _WRAP_WIDTHS:
            rows = [whole[at : at + width] for at in range(0, len(whole), width)]
            forms |= {row for row in rows if len(row) >= _MIN_WRAPPED}
    yield from forms
    for form in forms:
        yield form.replace(b"+", b"-").replace(b"/", b"_")


def _core(raw: bytes, before: int) -> bytes:
    encoded = base64.b64encode(bytes(before) + raw)
    # 端の文字には隣のバイトのビットが混ざる。混ざらない所だけを残す
    first = -(-before * 8 // 6)
    last = (before + len(raw)) * 8 // 6
    return encoded[first:last]
