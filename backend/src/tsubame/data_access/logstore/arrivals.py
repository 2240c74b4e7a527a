"""届いた時刻のしまい方: 前との差を、七ビットずつの整数(LEB128)にして並べる。

時刻一つのかたまりなら、六バイトで済む。
"""

from collections.abc import Iterable, Iterator, Sequence

from tsubame.business.executions.log_arrivals import Arrival


def encode(arrivals: Iterable[Arrival]) -> bytes:
    """``offset`` も ``at_ms`` も減らないこと。"""
    out = bytearray()
    offset, at_ms = 0, 0
    for arrival in arrivals:
        # 最初の位置はいつも 0 なので、書かない
        if out:
            _put(out, arrival.offset - offset)
        _put(out, arrival.at_ms - at_ms)
        offset, at_ms = arrival.offset, arrival.at_ms
    return bytes(out)


def decode(data: bytes) -> list[Arrival]:
    values = _values(data)
    arrivals: list[Arrival] = []
    offset, at_ms = 0, next(values, None)
    if at_ms is not None:
        arrivals.append(Arrival(0, at_ms))
        for step in values:
            offset += step
            at_ms += next(values)
            arrivals.append(Arrival(offset, at_ms))
    return arrivals


def _put(out: bytearray, value: int) -> None:
    while value >= 0x80:  # noqa: PLR2004  七ビットに収まらない
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _values(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004  続きがない
            yield value
            value = shift = 0


def arrivals_of(encoded: bytes | None, arrived_ms: int) -> Sequence[Arrival]:
    """控えのない版が書いたかたまりは、書いた時刻を、届いた時刻とみなす。"""
    return decode(encoded) if encoded else [Arrival(0, arrived_ms)]
