"""秘密の値が、ログの中でとりうる形を並べる(純粋な関数)。"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from tsubame.business.variables.masks import MIN_CHARS, is_maskable

# base64(1) と openssl が行を折る幅
_WRAP_WIDTHS: Final = (76, 64)
# 折った最後の行が「Cg==」のような、どこにでもある短い文字列になるのを除く
_MIN_WRAPPED: Final = 8
# 大きなファイルの何千もの行まで base64 の形にすると、形の数が万を超え、走り出しが遅れる
_LINES_IN_BASE64: Final = 200
_PERCENT: Final = re.compile("%[0-9A-F]{2}")
# printf %q が逆斜線を付けない文字
_UNQUOTED: Final = re.compile(r"[^\w@%+=:,./-]", re.ASCII)


def forms_of(secrets: Iterable[bytes]) -> frozenset[bytes]:
    """値そのもの・各行・JSON・URL・シェルの引用・base64 の形。どれも ``MIN_CHARS`` バイト以上。"""
    return frozenset(form for secret in secrets for form in _forms(secret) if len(form) >= MIN_CHARS)


def _forms(secret: bytes) -> Iterator[bytes]:
    # 末尾の改行は値のうちと見ない。伏せたとたんに次の行とつながってしまう
    value = secret.strip(b"\r\n")
    lines = value.split(b"\n")
    # 行ごと字下げされていても、そのままでも見つける
    whole = _long_enough({value, value.strip()})
    each = _long_enough({line.strip() for line in lines}) - whole
    for unit in (*whole, *each):
        yield from _texts(unit)
    for unit in (*whole, *(each if len(lines) <= _LINES_IN_BASE64 else ())):
        yield from _base64(unit)


def _long_enough(units: set[bytes]) -> set[bytes]:
    return {unit for unit in units if is_maskable(unit)}


def _text(value: bytes) -> str | None:
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _texts(unit: bytes) -> Iterator[bytes]:
    yield unit
    # 理由の文では、改行や続く空白が一つの空白になる
    yield b" ".join(unit.split())
    quoted = {quote(unit, safe=""), quote(unit), quote_plus(unit)}
    quoted |= {_PERCENT.sub(lambda found: found.group().lower(), form) for form in quoted}
    yield from (form.encode() for form in quoted)
    text = _text(unit)
    if text is None:
        return
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    escaped |= {form.replace("/", "\\/") for form in escaped}
    for form in escaped | _shell_forms(text):
        yield form.encode("utf-8", "surrogatepass")


def _shell_forms(text: str) -> set[str]:
    """シェルが ``set -x`` や ``printf %q`` で見せる形。引用の中に値がそのまま入るものは、値で見つかる。"""
    ansi = text.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\r", "\\r")
    return {
        text.replace("'", "'\\''"),  # bash、ksh
        text.replace("'", "'\"'\"'"),  # dash、busybox
        ansi,  # bash の $'…'
        ansi.replace("\n", "\\n"),
        _UNQUOTED.sub(lambda found: "\\" + found.group(), text),
    }


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
