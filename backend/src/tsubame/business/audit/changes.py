"""前と後の差を、記録に残せる形にする。"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Final

CHANGED: Final = "changed"
"""秘密の値の代わりに書く言葉。変わったことだけが分かる。"""

# これより長い文字は、長さと指紋だけを残す。台本の書き直しのたびに、表が何倍にも太らないように
_LONGEST: Final = 16_384


def changes(
    before: Mapping[str, object], after: Mapping[str, object], *, secret: Collection[str] = ()
) -> dict[str, object]:
    """違う項目だけの ``{項目: {"from": …, "to": …}}``。``secret`` の項目は ``"changed"`` とだけ書く。"""
    found: dict[str, object] = {}
    for name in (*before, *(name for name in after if name not in before)):
        old, new = before.get(name), after.get(name)
        if old != new:
            found[name] = CHANGED if name in secret else {"from": recordable(old), "to": recordable(new)}
    return found


def facts(thing: object) -> dict[str, object]:
    """Dataclass の項目と値。"""
    if not is_dataclass(thing):
        raise TypeError(type(thing))
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def recordable(value: object) -> object:
    """JSON に書ける形。知らない型は文字にする。"""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            # StrEnum も、ただの文字として残す
            return str(value) if len(value) <= _LONGEST else _abridged(value)
        case Mapping():
            return {str(key): recordable(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            # 並びのないものは、いつも同じ順に並べる
            ordered = sorted(value, key=str) if isinstance(value, set | frozenset) else value
            return [recordable(inner) for inner in ordered]
        case _:
            return recordable(facts(value)) if is_dataclass(value) else str(value)


def _abridged(text: str) -> dict[str, object]:
    fingerprint = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"characters": len(text), "sha256": fingerprint}
