"""保管する前の、かたまりの行。枠をまとめ直しても、いつ届いたかはここに残る。"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tsubame.business.executions.log_arrivals import Arrival
from tsubame.data_access.logstore.arrivals import arrivals_of


@dataclass(frozen=True, slots=True)
class ArchivedRow:
    """``log_chunks`` の一行のうち、枠の中身のほか。"""

    byte_start: int
    byte_length: int
    newline_start: int
    newline_count: int
    starts_line: bool
    arrivals: Sequence[Arrival]
    arrived_ms: int

    @property
    def byte_end(self) -> int:
        return self.byte_start + self.byte_length

    @classmethod
    def of(cls, row: Mapping[str, object]) -> "ArchivedRow":
        """索引に残した形(時刻は Unix の秒、バイト列は base64)から。"""
        match row:
            case {
                "byte_start": int(byte_start),
                "byte_length": int(byte_length),
                "newline_start": int(newline_start),
                "newline_count": int(newline_count),
                "arrived_at": float() | int() as arrived_at,
            }:
                encoded = row.get("arrivals")
                # 表の時刻はマイクロ秒まで。浮動小数の端数で、一ミリ秒ずれないように
                arrived_ms = round(arrived_at * 1_000_000) // 1000
                return cls(
                    byte_start=byte_start,
                    byte_length=byte_length,
                    newline_start=newline_start,
                    newline_count=newline_count,
                    starts_line=bool(row.get("starts_line")),
                    arrivals=arrivals_of(
                        base64.b64decode(encoded) if isinstance(encoded, str) else None, arrived_ms
                    ),
                    arrived_ms=arrived_ms,
                )
            case _:
                raise ValueError("the archive index has a row of an unknown shape")
