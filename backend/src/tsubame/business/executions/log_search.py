"""ログを探す用件。一つの対象、実行の対象の全部、ジョブの期間の全部を、同じ流れで。"""

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from tsubame.business.executions.errors import SearchBusyError
from tsubame.business.executions.log_search_ports import (
    JobPeriod,
    LineHit,
    LogScanner,
    Pattern,
    ScanStep,
    SearchedLog,
    SearchedLogs,
    SearchQuery,
)
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ahead import Ahead
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.business.shared.permissions import Permission

MAX_LIMIT: Final = 10_000
MAX_MATCHES: Final = 1_000_000
"""ここまで数えたら、その歩で打ち切る。"""
MAX_OPEN: Final = 8
"""このプロセスで同時に開いておける検索。一つが持つのは、数 MiB のかたまり三つほど。"""
_RETRY_AFTER_S: Final = 2
_PULSE_S: Final = 0.2
# 順に返すが、小さなログが並ぶときに往復を待たないよう、これだけは並べて進める
_SCANS_AHEAD: Final = 3
_EXECUTIONS_PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class MatchFound:
    log: SearchedLog
    hit: LineHit


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """``bytes`` は探したバイト数、``total`` は探す全部、``matches`` はここまでに当たった行の数。"""

    bytes: int
    total: int
    matches: int


@dataclass(frozen=True, slots=True)
class SearchPassed:
    """頼まれた数を超え、通り過ぎた。``line`` 行(始まりは ``byte``)より前に、当たりが ``matches`` 行。

    ここから探せば、その先の当たりが何番目かも分かる。
    """

    line: int
    byte: int
    matches: int


@dataclass(frozen=True, slots=True)
class TargetSearched:
    log: SearchedLog
    matches: int


@dataclass(frozen=True, slots=True)
class SearchEnd:
    """終わり。

    Attributes:
        matches: 当たった行の数。
        truncated: 数えきれずに打ち切った。
        next_byte: 続きを探す位置。いくつものログを探したときは ``None``。
        next_line: その行の番号(1 から)。
    """

    matches: int
    truncated: bool
    next_byte: int | None
    next_line: int | None


SearchEvent = MatchFound | SearchProgress | SearchPassed | TargetSearched | SearchEnd
Search = AsyncGenerator[list[SearchEvent], None]
"""できごとの、まとまりごとの流れ。使い終わったら、途中でも ``aclose`` すること。"""


@dataclass(frozen=True, slots=True)
class Part:
    """一つのログの、どこから、いくつ。

    Attributes:
        from_byte: ここから。行の途中なら、次の行から。
        limit: 返す行の数。
        counts: それを超えた分も、終わりまで数える。
    """

    from_byte: int = 0
    limit: int = MAX_LIMIT
    counts: bool = True


@dataclass(slots=True)
class _Hunt:
    """進んでいる検索。"""

    pattern: Pattern
    total: int
    limit: int
    from_byte: int = 0
    single: bool = False
    counts: bool = True
    done_bytes: int = 0
    matches: int = 0
    sent: int = 0
    next_byte: int | None = None
    next_line: int | None = None
    told_at: float = field(default_factory=time.monotonic)

    @property
    def truncated(self) -> bool:
        return self.matches >= MAX_MATCHES

    @property
    def stopped(self) -> bool:
        return self.truncated or (not self.counts and self.sent >= self.limit)

    def events_of(self, log: SearchedLog, step: ScanStep) -> list[SearchEvent]:
        self.matches += step.matches
        shown = step.hits[: self.limit - self.sent]
        self.sent += len(shown)
        events: list[SearchEvent] = [MatchFound(log, hit) for hit in shown]
        if self.single:
            self.next_byte, self.next_line = step.next_byte, step.next_line
            if self.stopped and not self.counts and shown:
                self._stop_after(shown[-1])
            elif self.matches > self.sent:
                events.append(SearchPassed(step.next_line, step.next_byte, self.matches))
        if time.monotonic() - self.told_at >= _PULSE_S:
            events.append(self.progress(step.position))
        return events

    def _stop_after(self, hit: LineHit) -> None:
        # 行の途中を指せば、その次の行から続く
        self.matches, self.next_byte, self.next_line = self.sent, hit.byte + 1, hit.line + 1

    def progress(self, position: int) -> SearchProgress:
        self.told_at = time.monotonic()
        return SearchProgress(min(self.done_bytes + position, self.total), self.total, self.matches)


class LogSearchService:
    def __init__(self, logs: SearchedLogs, scanner: LogScanner) -> None:
        self._logs = logs
        self._scanner = scanner
        self._open = 0

    @property
    def open_count(self) -> int:
        """今開いている検索の数。"""
        return self._open

    async def target(
        self, actor: Actor, target_id: TargetId, query: SearchQuery, part: Part = Part()
    ) -> Search:
        """一つの対象のログ。

        Raises: SearchPatternError, SearchBusyError, TargetNotFoundError, StorageUnavailableError。
        """
        reach = actor.reach(Permission.EXECUTION_READ)
        pattern = self._admit(query)
        log = await self._logs.target(target_id, reach)
        hunt = _Hunt(
            pattern, log.log_bytes, _within(part.limit), part.from_byte, single=True, counts=part.counts
        )
        hunt.next_byte = part.from_byte
        return self._run(hunt, lambda: _each([log]))

    async def execution(
        self, actor: Actor, execution_id: ExecutionId, query: SearchQuery, *, limit: int
    ) -> Search:
        """実行の対象の全部。サーバの並びの順。

        Raises: SearchPatternError, SearchBusyError, ExecutionNotFoundError, StorageUnavailableError。
        """
        reach = actor.reach(Permission.EXECUTION_READ)
        pattern = self._admit(query)
        logs = await self._logs.of_execution(execution_id, reach)
        hunt = _Hunt(pattern, sum(log.log_bytes for log in logs), _within(limit))
        return self._run(hunt, lambda: _each(logs))

    async def job(self, actor: Actor, period: JobPeriod, query: SearchQuery, *, limit: int) -> Search:
        """ジョブの期間の全部。新しい実行から。

        Raises: SearchPatternError, SearchBusyError, JobNotFoundError, StorageUnavailableError。
        """
        reach = actor.reach(Permission.EXECUTION_READ)
        pattern = self._admit(query)
        total = await self._logs.total_of_job(period, reach)
        return self._run(_Hunt(pattern, total, _within(limit)), lambda: self._pages(period))

    def _admit(self, query: SearchQuery) -> Pattern:
        pattern = self._scanner.prepare(query)
        if self._open >= MAX_OPEN:
            raise SearchBusyError("Too many searches are open right now. Try again soon.", _RETRY_AFTER_S)
        return pattern

    async def _pages(self, period: JobPeriod) -> AsyncGenerator[SearchedLog, None]:
        before: ExecutionId | None = None
        while logs := await self._logs.of_job(period, before, _EXECUTIONS_PER_PAGE):
            for log in logs:
                yield log
            before = logs[-1].execution_id

    async def _run(self, hunt: _Hunt, logs: Callable[[], AsyncGenerator[SearchedLog, None]]) -> Search:
        # 数えるのは流れ始めてから。応答を返す前に客が去っても、席がふさがったままにならない
        self._open += 1
        try:
            async with aclosing(self._scans(hunt, logs())) as scans:
                async for log, steps in scans:
                    before = hunt.matches
                    async with aclosing(_events(hunt, log, steps)) as events:
                        async for found in events:
                            yield found
                    hunt.done_bytes += log.log_bytes
                    if not hunt.single:
                        yield [TargetSearched(log, hunt.matches - before)]
                    if hunt.stopped:
                        break
            yield [SearchEnd(hunt.matches, hunt.truncated, hunt.next_byte, hunt.next_line)]
        finally:
            self._open -= 1

    async def _scans(
        self, hunt: _Hunt, logs: AsyncGenerator[SearchedLog, None]
    ) -> AsyncGenerator[tuple[SearchedLog, Ahead[ScanStep]], None]:
        """いくつか先まで始めておき、並びの順に渡す。渡したものも、次を求められたら閉じる。"""
        begun: deque[tuple[SearchedLog, Ahead[ScanStep]]] = deque()
        try:
            async with aclosing(logs):
                async for log in logs:
                    scan = self._scanner.scan(log.target_id, hunt.pattern, hunt.from_byte, hunt.limit)
                    begun.append((log, Ahead(scan, f"log-search-{log.target_id}")))
                    if len(begun) >= _SCANS_AHEAD:
                        yield begun[0]
                        await begun.popleft()[1].aclose()
            while begun:
                yield begun[0]
                await begun.popleft()[1].aclose()
        finally:
            for _, steps in begun:
                await steps.aclose()


async def _events(hunt: _Hunt, log: SearchedLog, steps: Ahead[ScanStep]) -> Search:
    """一つのログの分。順番を待つあいだも、進み具合は知らせ続ける。"""
    position = 0
    while True:
        if not await steps.ready(_PULSE_S):
            yield [hunt.progress(position)]
            continue
        step = await anext(steps, None)
        if step is None:
            return
        position = step.position
        if found := hunt.events_of(log, step):
            yield found
        if hunt.stopped:
            return


async def _each(logs: list[SearchedLog]) -> AsyncGenerator[SearchedLog, None]:
    for log in logs:
        yield log


def _within(limit: int) -> int:
    return min(limit, MAX_LIMIT)
