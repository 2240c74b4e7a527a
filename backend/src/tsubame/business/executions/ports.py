from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tsubame.business.executions.entities import (
    Assignment,
    CancelReason,
    EndedTarget,
    Ending,
    Execution,
    ExecutionDetail,
    ExecutionKind,
    Lease,
    Mark,
    Target,
)
from tsubame.business.executions.log_limit import LogGap
from tsubame.business.executions.log_marks import PlacedMark
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.business.jobs.entities import ScriptSpec, ServerRef
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import (
    ExecutionId,
    JobId,
    ProjectId,
    Reach,
    ServerId,
    TargetId,
    UserId,
    WorkerId,
)
from tsubame.business.shared.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class NewExecution:
    """これから入れる実行。対象はサーバごとに一つ、並べた順。

    Attributes:
        waves: 対象ごとの、何番目の波か。
        entered: 同時実行の枠を待たなくてよい。
        skipped: 動かさずに終わらせる、そのわけ。
    """

    kind: ExecutionKind
    project_id: ProjectId
    job_id: JobId | None
    job_name: str
    spec: ScriptSpec
    priority: int
    servers: tuple[ServerRef, ...]
    waves: tuple[int, ...]
    entered: bool
    skipped: Reason | None
    requested_by: Actor
    rerun_of: ExecutionId | None
    idempotency_key: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """一覧の絞り込み。時刻は ``created_from`` 以上、``created_to`` 未満。"""

    project_id: ProjectId | None = None
    states: tuple[ExecutionState, ...] = ()
    kind: ExecutionKind | None = None
    job_id: JobId | None = None
    server_id: ServerId | None = None
    requested_by: UserId | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class HourCount:
    """ある一時間に頼まれた実行の、状態ごとの数。ダッシュボードの図のもと。"""

    hour: datetime
    state: ExecutionState
    count: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """登録してあるものの数。最初の一歩がどこまで済んだかを、画面が知るため。"""

    servers: int
    jobs: int
    credentials: int


class ExecutionRepository(Protocol):
    """``reach`` を渡す操作では、そこにないものは、ないのと同じ。"""

    async def add(self, new: NewExecution) -> ExecutionDetail:
        """加えた姿。順番を待つものの居場所(``place``)は、まだ分からない。"""
        ...

    async def find_by_idempotency_key(self, user_id: UserId | None, key: str) -> Execution | None: ...

    async def get(self, execution_id: ExecutionId, reach: Reach = None) -> Execution:
        """Raises: ExecutionNotFoundError。"""
        ...

    async def detail(self, execution_id: ExecutionId, reach: Reach = None) -> ExecutionDetail:
        """Raises: ExecutionNotFoundError。"""
        ...

    async def target_ids(self, execution_id: ExecutionId) -> list[TargetId]: ...

    async def page(self, where: ExecutionFilter, reach: Reach, request: PageRequest) -> Page[Execution]:
        """新しい順。"""
        ...

    async def by_ids(self, execution_ids: Sequence[ExecutionId], reach: Reach) -> list[Execution]: ...

    async def hourly(self, since: datetime, reach: Reach) -> list[HourCount]: ...

    async def sizes(self, reach: Reach) -> Sizes: ...

    async def occupants(self, job_id: JobId) -> list[ExecutionId]:
        """そのジョブの、終わってもいないし中止も求められていない実行。古い順。

        ジョブの行を鎖し、同じジョブを同時に始める者を待たせる(数えたあとで増えないように)。
        """
        ...

    async def request_cancel(
        self, execution_id: ExecutionId, by: Actor, at: datetime, reason: CancelReason | None = None
    ) -> list[TargetId]:
        """中止を書き留め、まだ終わっていない対象の番号を返す。

        待っているだけの対象(権利をだれも持たない ``queued``)は、その場で ``cancelled`` にする。

        Raises: ExecutionNotFoundError, AlreadyEndedError。
        """
        ...


@dataclass(frozen=True, slots=True)
class LeftOver:
    """サーバに残った、終わった走りの記録。"""

    target_id: TargetId
    server_id: ServerId
    run_id: str


@dataclass(frozen=True, slots=True)
class RunOwner:
    """サーバの走りの持ち主。"""

    target_id: TargetId
    execution_id: ExecutionId
    project_id: ProjectId
    state: TargetState


class RunOwnerRepository(Protocol):
    async def of(self, run_ids: Sequence[str]) -> dict[str, RunOwner]:
        """走りの名前から持ち主。知らない名前は入らない。"""
        ...


@dataclass(frozen=True, slots=True)
class TargetHome:
    """対象と、そのあるプロジェクト。対象の前の試みは読まない。"""

    target: Target
    project_id: ProjectId


class TargetRepository(Protocol):
    """対象の行を動かす口。移り方は states.MOVES の表に従い、比べて置き換える。

    状態を動かすたび、同じ取引で実行の状態と数も直し、``SignalKind.EXECUTION`` を送る。
    """

    async def get(self, target_id: TargetId, reach: Reach = None) -> Target:
        """``reach`` にない対象は、ないのと同じ。Raises: TargetNotFoundError。"""
        ...

    async def home(self, target_id: TargetId, reach: Reach) -> TargetHome:
        """``reach`` にない対象は、ないのと同じ。Raises: TargetNotFoundError。"""
        ...

    async def claim(
        self, target_ids: Sequence[TargetId], worker_id: WorkerId, at: datetime
    ) -> dict[TargetId, Assignment]:
        """権利を取り、取れた分を返す。``queued`` なら ``starting`` へ進める。

        生きているほかのワーカーが持つか、もう終わっているか、自分が引き受けを止められていれば、取れない。
        """
        ...

    async def mark(self, marks: Sequence[Mark], at: datetime) -> set[TargetId]:
        """``running`` か ``disconnected`` へ進め、進めた対象を返す。権利のなかった対象は入らない。"""
        ...

    async def finish(self, endings: Sequence[Ending], at: datetime) -> dict[TargetId, EndedTarget]:
        """終わりを確定させて権利を手放し、終えた対象を返す。権利のなかった対象は入らない。"""
        ...

    async def try_again(
        self, target_ids: Sequence[TargetId], at: datetime, *, not_before: datetime | None
    ) -> None:
        """終わった対象の、次の試みの行を足す。実行の行を鎖したまま使う。状態は直さない。"""
        ...

    async def release(self, lease: Lease) -> None:
        """権利を手放す。もう権利がなければ何もしない。"""
        ...

    async def release_all(self, worker_id: WorkerId) -> list[TargetId]:
        """そのワーカーの権利を全部手放し、列に積むべき対象を返す(静かに止まるとき)。"""
        ...

    async def release_orphans(self, *, silent_too: bool) -> int:
        """去ったワーカーと、``silent_too`` なら黙ったワーカーの持つ対象を手放させ、その数を返す。"""
        ...

    async def unattended(self, limit: int) -> list[TargetId]:
        """だれも持たず、配達の列にもいないのに、終わっていない対象。配達し直すため。"""
        ...

    async def cancel_requested(self, target_ids: Sequence[TargetId]) -> list[TargetId]:
        """そのうち、中止が求められているもの。"""
        ...

    async def uncleaned(self, finished_since: datetime, lost_before: datetime, limit: int) -> list[LeftOver]:
        """終わったのに、サーバに記録が残っている走り。

        ``lost`` は、``lost_before`` より前に終わったものだけ。ほかはすぐ。
        """
        ...

    async def mark_cleaned(self, target_ids: Sequence[TargetId], at: datetime) -> None: ...


class Queue(Protocol):
    """配達の列。少なくとも一度は届く。二度届いてもよいように受け手が作られている。"""

    async def deliver(self, target_ids: Sequence[TargetId]) -> None:
        """同じ取引で積む。"""
        ...


@dataclass(frozen=True, slots=True)
class LogExtent:
    """ログの今の長さ。

    ``lines`` は途中の最後の行も 1 と数える。``gap`` を省いたあとも、どちらも書かれたままの長さ。
    """

    bytes: int
    lines: int
    ended: bool
    gap: LogGap | None = None


@dataclass(frozen=True, slots=True)
class LogSlice:
    """ログの続き。``data`` が空なら、まだ続きがない(か、飛ばすほど遅れている)。

    Attributes:
        start: ``data`` の始まり。求めた所より先なら、そこまで飛ばした。
    """

    extent: LogExtent
    data: bytes
    start: int

    @property
    def lines_before(self) -> int:
        """飛ばした先より前の行の数。"""
        gap = self.extent.gap
        return gap.next_line - 1 if gap is not None and self.start == gap.end else self.extent.lines


@dataclass(frozen=True, slots=True)
class LogLines:
    """行のまとまり。

    Attributes:
        data: 行のバイト列(改行を含む)。長すぎる行は切ってある。
        first_line: 最初の行の番号(1 から)。求めた行が省いた真ん中なら、その次の行。
        count: 行の数。省いた真ん中をまたいでは返さない。
        first_byte: 最初の行の位置。
        truncated: 切った行がある。
        extent: 読んだときの全体の長さ。
    """

    data: bytes
    first_line: int
    count: int
    first_byte: int
    truncated: bool
    extent: LogExtent


@dataclass(frozen=True, slots=True)
class LineTime:
    """``line`` とそれに続く行が届き始めた時刻(Unix、ミリ秒)。次の ``LineTime`` の行の前まで。"""

    line: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class StoredMarks:
    """見つけた印。``total`` は、残しきれなかった分も入れた数。"""

    marks: tuple[PlacedMark, ...]
    total: int


@dataclass(frozen=True, slots=True)
class LogSubject:
    """何のログか。落としたファイルの名前のもと。"""

    job_name: str
    execution_id: ExecutionId
    server_name: str


class LogReader(Protocol):
    """ログの置き場(読む側)。どの操作も ``StorageUnavailableError`` を投げうる。"""

    async def check(self, target_id: TargetId, reach: Reach) -> None:
        """``reach`` にある対象か。Raises: TargetNotFoundError。"""
        ...

    async def extent(self, target_id: TargetId) -> LogExtent:
        """Raises: TargetNotFoundError。"""
        ...

    async def subject(self, target_id: TargetId) -> LogSubject:
        """Raises: TargetNotFoundError。"""
        ...

    def read(self, target_id: TargetId, start: int, end: int) -> AsyncIterator[bytes]:
        """``[start, end)`` のバイト。数百 KiB ずつ返すので、1 GB でも記憶は増えない。

        ``end`` が今の長さを超えていれば、今の長さまで。省いた真ん中は飛ばす。
        """
        ...

    async def follow(self, target_id: TargetId, start: int, max_bytes: int, max_behind: int) -> LogSlice:
        """``start`` からの続きを ``max_bytes`` まで。``max_behind`` より遅れていれば、中身は読まない。

        生きたログの読み手が、合図のたびに呼ぶ。

        Raises: TargetNotFoundError。
        """
        ...

    async def lines(self, target_id: TargetId, first_line: int, count: int, max_line_bytes: int) -> LogLines:
        """``first_line``(1 から)から最大 ``count`` 行。

        Raises: TargetNotFoundError。
        """
        ...

    async def times(self, target_id: TargetId, first_line: int, count: int) -> list[LineTime]:
        """``first_line``(1 から)から ``count`` 行の、届き始めた時刻。最初の一つは ``first_line`` のもの。

        Raises: TargetNotFoundError。
        """
        ...

    async def marks(self, target_id: TargetId) -> StoredMarks:
        """台本の書いた印。行の順。

        Raises: TargetNotFoundError。
        """
        ...


class LogTickets(Protocol):
    """ログを落とすための、一度きりの券。"""

    async def issue(self, token_hash: bytes, target_id: TargetId, expires_at: datetime) -> None: ...

    async def redeem(self, token_hash: bytes, at: datetime) -> TargetId | None:
        """券を使い切り、その対象を返す。ない・使った・期限切れなら ``None``。"""
        ...
