"""実行の対象のログを、届いた順に一本にして見せる。"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Final, Protocol

from tsubame.business.executions.errors import TargetNotFoundError
from tsubame.business.executions.log_search_ports import SearchedLogs
from tsubame.business.executions.ports import LogReader
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.business.shared.permissions import Permission

MAX_ROWS: Final = 1000
MAX_LINE_BYTES: Final = 4096
_READS_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """並びの中の一行。時刻、対象、行の順に比べる。``at_ms`` は届いた時刻(1970 年からのミリ秒)。"""

    at_ms: int
    target_id: TargetId
    line: int


BEGINNING: Final = Moment(0, TargetId(0), 0)
END: Final = Moment(2**47, TargetId(2**62), 2**62)
"""どの行よりも後。"""


@dataclass(frozen=True, slots=True)
class Span:
    """同じ時刻に届いた、一つの対象の続きの行。"""

    at_ms: int
    target_id: TargetId
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """``growing`` なら、まだ終わっていない対象があり、後ろに行が増えうる。"""

    spans: Sequence[Span]
    growing: bool


class LineTimes(Protocol):
    """行の届いた時刻。

    一つの対象の中では、行の順と時刻の順が同じであること。終わっていない対象の、改行のまだ来ていない行は含まない。
    まだ前に行が割り込みうるほど新しい時刻の行も、含まない。
    """

    async def after(self, target_ids: Sequence[TargetId], moment: Moment, lines: int) -> Timeline:
        """``moment`` より後の行を含む範囲を、早い順に ``lines`` 行に足りるだけ。"""
        ...

    async def before(self, target_ids: Sequence[TargetId], moment: Moment, lines: int) -> Timeline:
        """``moment`` より前の行を含む範囲を、遅い順に ``lines`` 行に足りるだけ。"""
        ...


@dataclass(frozen=True, slots=True)
class MergedRow:
    """``data`` は改行を除いた行。長すぎれば頭だけ。"""

    at: Moment
    data: bytes


@dataclass(frozen=True, slots=True)
class MergedLog:
    """早い順の行。

    Attributes:
        before: これより前に行があれば、その目印。
        after: これより後に行があるか、増えうるなら、その目印。
    """

    rows: Sequence[MergedRow]
    before: Moment | None
    after: Moment | None


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """``cursor`` の後(``backward`` なら前)の行。``cursor`` がなければ、先頭(末尾)から。"""

    cursor: Moment | None
    count: int
    backward: bool
    target_ids: tuple[TargetId, ...]


class MergedLogService:
    def __init__(self, logs: SearchedLogs, times: LineTimes, reader: LogReader) -> None:
        self._logs = logs
        self._times = times
        self._reader = reader

    async def rows(self, actor: Actor, execution_id: ExecutionId, request: MergeRequest) -> MergedLog:
        """``target_ids`` が空なら、対象の全部(やり直しの前の試みも)。

        Raises: ExecutionNotFoundError, TargetNotFoundError, StorageUnavailableError。
        """
        reach = actor.reach(Permission.EXECUTION_READ)
        known = [log.target_id for log in await self._logs.of_execution(execution_id, reach)]
        for target_id in request.target_ids:
            if target_id not in known:
                raise TargetNotFoundError(f"The execution {execution_id} has no target {target_id}.")
        chosen = request.target_ids or tuple(known)
        return await (self._backward if request.backward else self._forward)(chosen, request)

    async def _forward(self, chosen: Sequence[TargetId], request: MergeRequest) -> MergedLog:
        start = request.cursor or BEGINNING
        timeline = await self._times.after(chosen, start, request.count)
        picked = list(islice((at for at in moments(timeline.spans) if at > start), request.count))
        more = timeline.growing or len(picked) == request.count
        return MergedLog(
            rows=await self._read(picked),
            before=picked[0] if picked and request.cursor else request.cursor,
            after=(picked[-1] if picked else start) if more else None,
        )

    async def _backward(self, chosen: Sequence[TargetId], request: MergeRequest) -> MergedLog:
        end = request.cursor or END
        timeline = await self._times.before(chosen, end, request.count)
        latest = (at for at in moments(timeline.spans, backward=True) if at < end)
        picked = list(islice(latest, request.count))[::-1]
        last = picked[-1] if picked else request.cursor or BEGINNING
        return MergedLog(
            rows=await self._read(picked),
            before=picked[0] if len(picked) == request.count else None,
            after=last if timeline.growing or request.cursor is not None else None,
        )

    async def _read(self, picked: Sequence[Moment]) -> list[MergedRow]:
        seats = asyncio.Semaphore(_READS_AT_ONCE)
        found: dict[tuple[TargetId, int], bytes] = {}

        async def read(run: Sequence[Moment]) -> None:
            first = run[0]
            async with seats:
                lines = await self._reader.lines(first.target_id, first.line, len(run), MAX_LINE_BYTES)
            for number, data in enumerate(lines.data.split(b"\n")[: lines.count], lines.first_line):
                found[first.target_id, number] = data

        async with asyncio.TaskGroup() as tasks:
            for run in runs(picked):
                tasks.create_task(read(run), name=f"merged-log-{run[0].target_id}")
        # 読むまでのあいだに、保存の期限が来て消えた行は飛ばす
        return [
            MergedRow(at, found[at.target_id, at.line]) for at in picked if (at.target_id, at.line) in found
        ]


def moments(spans: Iterable[Span], *, backward: bool = False) -> Iterable[Moment]:
    for span in spans:
        lines = range(span.first_line, span.last_line + 1)
        for line in reversed(lines) if backward else lines:
            yield Moment(span.at_ms, span.target_id, line)


def runs(picked: Iterable[Moment]) -> list[list[Moment]]:
    """同じ対象の、番号の続く行ごとに分ける。一度に読むため。"""
    ordered = sorted(picked, key=lambda at: (at.target_id, at.line))
    numbered = groupby(enumerate(ordered), key=lambda pair: (pair[1].target_id, pair[1].line - pair[0]))
    return [[at for _, at in run] for _, run in numbered]
