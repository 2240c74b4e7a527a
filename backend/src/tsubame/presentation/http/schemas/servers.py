from datetime import datetime

from pydantic import Field

from tsubame.business.servers.entities import HostKeyState, TestStepName
from tsubame.business.shared.ids import DEFAULT_PROJECT
from tsubame.presentation.http.api_model import ApiInput, ApiModel, RowId


class SshOptionsInput(ApiInput):
    compression: bool = False
    legacy_algorithms: bool = False
    connect_timeout_s: int = Field(default=10, ge=1, le=120)
    keepalive_s: int = Field(default=7, ge=1, le=60)


class ServerInput(ApiInput):
    name: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", max_length=2000)
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=22, ge=1, le=65535)
    username: str = Field(min_length=1, max_length=64)
    credential_id: RowId
    tags: list[str] = Field(default_factory=list, max_length=32)
    run_directory: str | None = Field(default=None, max_length=1024)
    jump_server_id: RowId | None = None
    sudo_user: str | None = Field(default=None, max_length=64)
    sudo_credential_id: RowId | None = None
    ssh_options: SshOptionsInput = Field(default_factory=SshOptionsInput)
    max_parallel: int | None = Field(default=None, ge=1, le=10_000)


class ServerCreate(ServerInput):
    project_id: RowId = DEFAULT_PROJECT
    """置くプロジェクト。あとからは変えられない。認証情報も踏み台も、同じプロジェクトのものを使う。"""


class JumpServerRead(ApiModel):
    id: int
    name: str


class SshOptionsRead(ApiModel):
    compression: bool
    legacy_algorithms: bool
    connect_timeout_s: int
    keepalive_s: int


class HostKeyRead(ApiModel):
    algorithm: str
    public_key: str
    fingerprint: str
    art: str
    """OpenSSH と同じ絵(randomart)。指紋の数字より、人の目に違いが分かりやすい。"""


class ServerDiskRead(ApiModel):
    """サーバの上の実行のファイル。最後に見に行ったときのもの。"""

    used_bytes: int
    orphan_runs: int
    """この設置の知らない走りの数。"""
    free_bytes: int | None
    total_bytes: int | None
    low_space: bool
    """空きが 5 % を切っている。"""
    measured_at: datetime


class ServerRead(ApiModel):
    id: int
    project_id: int
    name: str
    description: str
    host: str
    port: int
    username: str
    credential_id: int
    credential_name: str
    tags: list[str]
    run_directory: str | None
    jump_server_id: int | None
    jump_path: list[JumpServerRead]
    """途中で通る踏み台。こちらに近い順で、最後が jump_server_id。"""
    sudo_user: str | None
    sudo_credential_id: int | None
    sudo_credential_name: str | None
    ssh_options: SshOptionsRead
    max_parallel: int | None
    host_key_state: HostKeyState
    host_key: HostKeyRead | None
    offered_host_key: HostKeyRead | None
    last_test_at: datetime | None
    last_test_reason: str | None
    """最後の接続試験。成功なら空文字、試していなければ null、失敗なら理由の code。"""
    disk: ServerDiskRead | None
    """まだ見に行っていなければ null。"""
    created_at: datetime
    updated_at: datetime
    version: int


class ServerPage(ApiModel):
    items: list[ServerRead]
    next_cursor: str | None


class TagList(ApiModel):
    tags: list[str]


class HostKeyScanRead(ApiModel):
    """見せられた鍵と、今の状態。"""

    fingerprint: str
    algorithm: str
    public_key: str
    art: str
    state: HostKeyState
    pinned: HostKeyRead | None


class HostKeyApproveInput(ApiInput):
    fingerprint: str = Field(min_length=1, max_length=200)


class TestStepRead(ApiModel):
    name: TestStepName
    duration_ms: float
    reason: str | None
    detail: str
    facts: dict[str, str | int]
    hop: int | None
    """踏み台の段なら、その踏み台のサーバ。"""


class ConnectionTestRead(ApiModel):
    ok: bool
    reason: str | None
    steps: list[TestStepRead]


class ResolveInput(ApiInput):
    """選び方。名指しと札の式の両方があれば、その合わせたもの。"""

    selector: str | None = Field(default=None, max_length=1000)
    server_ids: list[RowId] = Field(default_factory=list, max_length=10_000)
    project_id: RowId | None = None
    """渡すと、そのプロジェクトのサーバからだけ選ぶ(ジョブが動かせるのは、同じプロジェクトのサーバ)。"""


class ResolvedServerRead(ApiModel):
    id: int
    name: str
    tags: list[str]
    host_key_state: HostKeyState


class ResolvedServers(ApiModel):
    """動かす順。名指しが先で、続きは名前の順。"""

    items: list[ResolvedServerRead]
