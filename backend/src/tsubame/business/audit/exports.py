"""書き出した監査記録(JSON Lines)の一行と、それだけで確かめる道。"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tsubame.business.audit.chain import digest, plain
from tsubame.business.audit.entities import Fault, FaultCode, Head, LinkedEvent

_LINK = ("position", "previous_hash", "hash")


class ExportUnreadableError(Exception):
    """書き出した物の形ではない。"""


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """確かめた結果。

    Attributes:
        events: 合っていた記録の数。
        unchained: 書き出した時に、まだつながれていなかった記録の数(確かめようがない)。
        head: 最後に合っていたところ。
        fault: 最初の乱れ。``line`` は、その行(1 から)。
    """

    events: int
    unchained: int
    head: Head | None
    fault: Fault | None
    line: int


def export_line(linked: LinkedEvent) -> str:
    """改行で終わる一行。鎖の三つの欄は、まだつないでいなければ ``null``。"""
    link = linked.link
    document: dict[str, object] = {
        **plain(linked.event),
        "position": None if link is None else link.position,
        "previous_hash": None if link is None else link.previous.hex(),
        "hash": None if link is None else link.hash.hex(),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def check_export(lines: Iterable[str], *, allow_gaps: bool = False) -> ExportCheck:
    """書き出した物だけで確かめる。絞り込んで書き出した物は ``allow_gaps`` で。

    Raises: ExportUnreadableError。
    """
    head: Head | None = None
    events = unchained = number = 0
    for number, line in enumerate(lines, 1):
        document = _document(line, number)
        if document["position"] is None:
            unchained += 1
            continue
        link = _Line.of(document, number)
        fault = link.fault_after(head, allow_gaps=allow_gaps)
        if fault is not None:
            return ExportCheck(events, unchained, head, fault, number)
        head = Head(link.position, link.hash)
        events += 1
    return ExportCheck(events, unchained, head, None, number)


@dataclass(frozen=True, slots=True)
class _Line:
    position: int
    previous: bytes
    hash: bytes
    fields: dict[str, object]

    @classmethod
    def of(cls, document: dict[str, object], number: int) -> "_Line":
        try:
            previous, own = (bytes.fromhex(str(document[name])) for name in ("previous_hash", "hash"))
            position = int(str(document["position"]))
        except (KeyError, ValueError) as exc:
            raise ExportUnreadableError(f"Line {number} has no readable position and hashes.") from exc
        fields = {name: value for name, value in document.items() if name not in _LINK}
        return cls(position, previous, own, fields)

    def fault_after(self, head: Head | None, *, allow_gaps: bool) -> Fault | None:
        event_id = self.fields.get("id")
        known = event_id if isinstance(event_id, int) else None
        if head is not None:
            follows = self.position == head.position + 1
            if self.position <= head.position or not (follows or allow_gaps):
                detail = f"The export goes from {head.position} to {self.position}."
                return Fault(FaultCode.GAP, self.position, known, detail)
            if follows and self.previous != head.hash:
                detail = f"Event {known} does not continue the one before it."
                return Fault(FaultCode.EDITED, self.position, known, detail)
        if digest(self.previous, self.position, self.fields) != self.hash:
            detail = f"Event {known} does not match its hash."
            return Fault(FaultCode.EDITED, self.position, known, detail)
        return None


def _document(line: str, number: int) -> dict[str, object]:
    try:
        document = json.loads(line)
    except ValueError as exc:
        raise ExportUnreadableError(f"Line {number} is not JSON.") from exc
    if not isinstance(document, dict) or "position" not in document:
        raise ExportUnreadableError(f"Line {number} is not a line of an audit export.")
    return document
