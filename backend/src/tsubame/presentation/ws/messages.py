"""WebSocket の文。種類は ``type`` で分かれ、OpenAPI の文書に載る。

ログの中身は二進の枠で送る: 購読の番号(u32 BE)、最初のバイトの位置(u64 BE)、バイト列。
"""

from typing import Annotated, Literal

from pydantic import Field

from tsubame.business.executions.states import TargetState
from tsubame.presentation.http.api_model import ApiInput, ApiModel
from tsubame.presentation.http.schemas.executions import ExecutionRead, ExecutionSummary, TargetRead
from tsubame.presentation.http.schemas.queue import QueuePlaceRead


class Authenticate(ApiInput):
    """最初の文。通行証を取り直したら、開いたまま送り直す。"""

    type: Literal["authenticate"]
    token: str = Field(max_length=4096)


class SubscribeLog(ApiInput):
    """ログを ``from_byte`` から。

    ``max_behind`` バイトより遅れたら、中身の代わりに ``log_position`` を送って先頭へ飛ぶ。
    省けば、一バイトも飛ばさない。
    """

    type: Literal["subscribe"]
    topic: Literal["log"]
    id: int = Field(ge=0, le=0xFFFFFFFF)
    target_id: int
    from_byte: int = Field(default=0, ge=0)
    max_behind: int | None = Field(default=None, ge=65_536)


class SubscribeExecution(ApiInput):
    """一つの実行。初めに ``execution``、そのあとは ``execution_delta``。"""

    type: Literal["subscribe"]
    topic: Literal["execution"]
    id: int = Field(ge=0, le=0xFFFFFFFF)
    execution_id: int


class SubscribeExecutions(ApiInput):
    """変わった実行の行。"""

    type: Literal["subscribe"]
    topic: Literal["executions"]
    id: int = Field(ge=0, le=0xFFFFFFFF)


class SubscribeChanges(ApiInput):
    """サーバ・ジョブ・認証情報・待ち行列・利用者・ワーカーのどれかが変わったこと。"""

    type: Literal["subscribe"]
    topic: Literal["changes"]
    id: int = Field(ge=0, le=0xFFFFFFFF)


class Unsubscribe(ApiInput):
    type: Literal["unsubscribe"]
    id: int = Field(ge=0, le=0xFFFFFFFF)


class Ping(ApiInput):
    type: Literal["ping"]


Subscribe = Annotated[
    SubscribeLog | SubscribeExecution | SubscribeExecutions | SubscribeChanges, Field(discriminator="topic")
]
ClientMessage = Annotated[Authenticate | Subscribe | Unsubscribe | Ping, Field(union_mode="left_to_right")]


class Ready(ApiModel):
    type: Literal["ready"]


class Subscribed(ApiModel):
    type: Literal["subscribed"]
    id: int


class Pong(ApiModel):
    type: Literal["pong"]


class ExecutionChanged(ApiModel):
    """実行の全部。購読の初めと、合図を取りこぼしたおそれがあるときに届く。"""

    type: Literal["execution"]
    id: int
    execution: ExecutionRead


class ExecutionDelta(ApiModel):
    """この購読が前に送った姿からの変わり。

    ``execution`` と ``queue`` は今の値。``targets`` は変わった対象だけで、同じ ``position`` のものと
    置き換える。
    """

    type: Literal["execution_delta"]
    id: int
    execution: ExecutionSummary
    queue: QueuePlaceRead | None
    targets: list[TargetRead]


class ExecutionsChanged(ApiModel):
    type: Literal["executions"]
    id: int
    items: list[ExecutionSummary]


RoomName = Literal["servers", "jobs", "credentials", "queue", "users", "workers"]


class RoomChanged(ApiModel):
    type: Literal["changed"]
    id: int
    room: RoomName
    entity_id: int


class LogPosition(ApiModel):
    """飛ばした先。ここから続きを送る。遅れすぎたときと、省いた真ん中に来たときに届く。"""

    type: Literal["log_position"]
    id: int
    log_bytes: int
    log_lines: int


class LogEnd(ApiModel):
    """対象が終わり、全部を送った。"""

    type: Literal["log_end"]
    id: int
    log_bytes: int
    log_lines: int
    state: TargetState


class StreamProblem(ApiModel):
    type: Literal["error"]
    id: int | None
    code: str
    detail: str


ServerMessage = Annotated[
    Ready
    | Subscribed
    | Pong
    | ExecutionChanged
    | ExecutionDelta
    | ExecutionsChanged
    | RoomChanged
    | LogPosition
    | LogEnd
    | StreamProblem,
    Field(discriminator="type"),
]
