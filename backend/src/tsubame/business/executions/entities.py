from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from tsubame.business.executions.log_limit import LogGap
from tsubame.business.executions.queue_place import QueuePlace
from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, ServerId, TargetId, UserId, WorkerId


class ExecutionKind(StrEnum):
    JOB = "job"
    AD_HOC = "ad_hoc"
    """その場で書いた命令。元のジョブはない。"""


class PauseReason(StrEnum):
    BY_PERSON = "by_person"
    BETWEEN_WAVES = "between_waves"
    """波が終わった。次の波は、人が続けると言うまで始めない。"""
    TOO_MANY_FAILURES = "too_many_failures"


class CancelReason(StrEnum):
    REPLACED = "replaced"
    """同じジョブの新しい実行に、場所を譲った。"""


@dataclass(frozen=True, slots=True)
class Execution:
    """実行。動かした中身(``spec``)を写して持つ。

    Attributes:
        job_id: 元のジョブ。消されていれば ``None``(``job_name`` は残る)。
        state_counts: 状態ごとの対象の数(0 の状態は含まない)。一覧で内訳を見せるため行に持つ。
        queued_at: 順番を待ち始めたとき。失敗した対象だけをもう一度動かすと、そのときになる。
        cancel_reason: 人が止めたのでなければ、そのわけ。
        started_at: 最初の対象が走り始めたとき。
        pinned_at: 「これは残す」の印を付けたとき。付いているあいだは、保存の決まりで消さない。
    """

    id: ExecutionId
    kind: ExecutionKind
    project_id: ProjectId
    job_id: JobId | None
    job_name: str
    state: ExecutionState
    state_counts: dict[str, int]
    target_count: int
    requested_by: UserId | None
    requested_by_name: str
    rerun_of: ExecutionId | None
    priority: int
    queued_at: datetime
    paused_at: datetime | None
    paused_reason: PauseReason | None
    paused_by_name: str | None
    cancel_requested_at: datetime | None
    cancel_requested_by_name: str | None
    cancel_reason: CancelReason | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pinned_at: datetime | None
    pinned_by_name: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """同じ位置の、前の試み。"""

    target_id: TargetId
    attempt: int
    state: TargetState
    reason: str | None
    exit_code: int | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Target:
    """対象: 一つの実行の中の、一つのサーバ。

    Attributes:
        position: 実行の中での並び(0 から)。
        attempt: 何度目の試みか(1 から)。
        latest: その位置の最後の試みか。
        wave: 何番目の波か(0 から)。
        not_before: やり直しの間。これより前には始めない。
        earlier_attempts: 前の試み。古い順。
        reason: 終わり方の理由(成功なら ``None``)。切れているあいだは、切れた理由。
        detail: 理由の補足(英語の一文か、相手の言ったこと)。
        remote_bytes: サーバのファイルから取り込んだバイト数。再開の位置。
        log_bytes: 保存したバイト数。伏せ字で長さが変わるので ``remote_bytes`` と違いうる。
        log_lines: 保存した行の数。最後の途中の行も 1 と数える。
        log_masked: 秘密の値を伏せた所の数。
        log_gap: 大きさの上限を超えて省いた、ログの真ん中。
        log_archived: ログは保管先へ移してある。
        survivors: 中止しても消えなかったプロセスの番号。
    """

    id: TargetId
    execution_id: ExecutionId
    server_id: ServerId | None
    server_name: str
    position: int
    attempt: int
    latest: bool
    wave: int
    not_before: datetime | None
    state: TargetState
    reason: str | None
    detail: str
    exit_code: int | None
    remote_bytes: int
    log_bytes: int
    log_lines: int
    log_masked: int
    log_gap: LogGap | None
    log_day: date
    log_archived: bool
    survivors: tuple[int, ...]
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    earlier_attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecutionDetail:
    """実行の全部。``targets`` は位置ごとの最後の試み、``place`` は待ち行列での居場所。"""

    execution: Execution
    spec: ScriptSpec
    targets: tuple[Target, ...]
    place: QueuePlace | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """対象を動かす権利。``epoch`` が行の値と違えば、もう権利はない(書き込みは通らない)。"""

    target_id: TargetId
    execution_id: ExecutionId
    worker_id: WorkerId
    epoch: int


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """誰が頼んだ、どのジョブの走りか。渡す変数と、監査に残す名前を決める。"""

    project_id: ProjectId
    job_id: JobId | None
    job_name: str
    requested_by: UserId | None
    requested_by_name: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """引き受けた対象と、動かすのに要る事実。

    Attributes:
        run_id: サーバの上での走りの名前。引き継いでも変わらない。
        cancel_requested: すでに中止が求められている。
        log_newlines: 保存したログにある改行の数。続きの行番号を決める。
        log_open_line: 保存したログが、行の途中で終わっている。
        log_line_head: その途中の行が印になりうるなら、その始まり。
        log_marks: 見つけた印の数。
        held_environment: 前に動かしていた者が控えた、この対象の変数(暗号文)。
    """

    lease: Lease
    origin: RunOrigin
    state: TargetState
    run_id: str
    spec: ScriptSpec
    server_id: ServerId | None
    remote_bytes: int
    log_bytes: int
    log_newlines: int
    log_open_line: bool
    log_line_head: bytes
    log_marks: int
    log_day: date
    started_at: datetime | None
    cancel_requested: bool
    held_environment: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TargetResult:
    """対象の終わり。"""

    state: TargetState
    reason: str | None = None
    detail: str = ""
    exit_code: int | None = None
    survivors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """途中の状態(``running`` か ``disconnected``)の記録。"""

    lease: Lease
    state: TargetState
    reason: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """終わりの記録。"""

    lease: Lease
    result: TargetResult


@dataclass(frozen=True, slots=True)
class EndedTarget:
    """終わった対象の、次を決めるのに要る事実。"""

    spec: ScriptSpec
    attempt: int
    cancel_requested: bool
