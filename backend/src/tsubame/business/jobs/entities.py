from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tsubame.business.jobs.policies import ALL_AT_ONCE, NO_RETRY, Queueing, Retry, Strategy
from tsubame.business.shared.ids import JobId, ProjectId, ServerId

DEFAULT_LOG_BYTES: Final = 1024**3


class JobKind(StrEnum):
    SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class ServerRef:
    id: ServerId
    name: str


@dataclass(frozen=True, slots=True)
class ScriptSpec:
    """動かす中身。実行はこれを写し取り、後の編集で履歴が変わらないようにする。

    Attributes:
        script: 利用者が書いた文字そのもの。改行の CRLF は送るときに LF へ直す。
        interpreter: 明示した解釈系。``None`` なら ``#!`` の行、それもなければ ``/bin/sh``。
        env: 環境変数(名前の順)。``TSUBAME_`` で始まる名前は予約。
        working_directory: サーバ側のパス。``None`` ならホーム。
        timeout_s: 時間の上限(秒)。``None`` なら上限なし。
        strategy: たくさんのサーバの進め方。
        retry: 対象ごとのやり直し。
        stop_without_contact_s: つばめからの連絡がないまま続けてよい長さ(秒)。過ぎたら、サーバの側で
            自分から止まる。``None`` なら、連絡がなくてもいつまでも続ける。
        max_log_bytes: 対象ごとに残すログの大きさ。超えれば頭と末尾を残し、真ん中を省く。
            ``None`` なら全部残す。
    """

    script: str
    interpreter: str | None
    env: tuple[tuple[str, str], ...]
    working_directory: str | None
    timeout_s: int | None
    strategy: Strategy = ALL_AT_ONCE
    retry: Retry = NO_RETRY
    stop_without_contact_s: int | None = None
    max_log_bytes: int | None = DEFAULT_LOG_BYTES


@dataclass(frozen=True, slots=True)
class LastExecution:
    """一覧に添える、最後の実行。"""

    id: int
    state: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Job:
    """ジョブ。

    Attributes:
        servers: 名指しで並べたサーバ。
        selector: 札の式。始めるときに当てはまるサーバを、名指しに足す。
    """

    id: JobId
    project_id: ProjectId
    name: str
    description: str
    kind: JobKind
    spec: ScriptSpec
    servers: tuple[ServerRef, ...]
    selector: str | None
    queueing: Queueing
    enabled: bool
    last_execution: LastExecution | None
    created_at: datetime
    updated_at: datetime
    version: int
