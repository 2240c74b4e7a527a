from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.credentials.ports import CredentialRepository, SealedCredential
from tsubame.business.servers.entities import (
    Endpoint,
    HostKey,
    JumpServer,
    Route,
    Server,
    ServerDisk,
    SshOptions,
    TestStep,
)
from tsubame.business.servers.selection import SelectableServer
from tsubame.business.shared.ids import CredentialId, ProjectId, Reach, ServerId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.signals import Signals


@dataclass(frozen=True, slots=True)
class ServerDraft:
    """保存する中身。検査は済んでいる。"""

    name: str
    description: str
    host: str
    port: int
    username: str
    credential_id: CredentialId
    tags: tuple[str, ...]
    run_directory: str | None
    jump_server_id: ServerId | None = None
    sudo_user: str | None = None
    sudo_credential_id: CredentialId | None = None
    ssh_options: SshOptions = field(default_factory=SshOptions)
    max_parallel: int | None = None


class ServerOrder(StrEnum):
    NAME = "name"
    RUN_FILES = "run_files"
    """実行のファイルが大きい順。まだ見に行っていないものは最後。"""


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """``query`` は名前・ホスト・説明の部分一致。``tags`` は全部を持つもの。"""

    query: str = ""
    tags: tuple[str, ...] = ()
    project_id: ProjectId | None = None
    order: ServerOrder = ServerOrder.NAME


@dataclass(frozen=True, slots=True)
class ServersWithLogins:
    """サーバと、入るときと sudo に使う認証情報(閉じたまま)。"""

    servers: Mapping[ServerId, Server]
    sealed: Mapping[CredentialId, SealedCredential]


class ServerRepository(Protocol):
    """``reach`` を渡す操作では、そこにないものは、ないのと同じ。"""

    async def add(self, project_id: ProjectId, draft: ServerDraft) -> Server:
        """Raises: NameTakenError, ProjectNotFoundError, CredentialNotFoundError。"""
        ...

    async def replace(self, server_id: ServerId, draft: ServerDraft, expected_version: int | None) -> Server:
        """ホストかポートが変わったら、固定した鍵を外す(別の相手かもしれない)。

        Raises: NameTakenError, VersionConflictError, ServerNotFoundError, CredentialNotFoundError。
        """
        ...

    async def get(self, server_id: ServerId, reach: Reach = None) -> Server:
        """Raises: ServerNotFoundError。"""
        ...

    async def with_logins(self, server_ids: Sequence[ServerId]) -> ServersWithLogins:
        """あるものだけ。"""
        ...

    async def page(self, where: ServerFilter, reach: Reach, request: PageRequest) -> Page[Server]: ...

    async def all_tags(self, reach: Reach) -> list[str]: ...

    async def hidden(self, ids: Sequence[int], reach: Reach) -> frozenset[int]:
        """あるけれど届かないもの。"""
        ...

    async def delete(self, server_id: ServerId) -> None:
        """消す。履歴は名前を写して持つので残る。

        Raises: ServerInUseError, ServerIsJumpError, ServerBusyRunningError, ServerNotFoundError。
        """
        ...

    async def hold_jumps(self) -> None:
        """取引が終わるまで、踏み台のつなぎ方を変える者を自分一人にする。"""
        ...

    async def jump_path_through(self, server_id: ServerId) -> tuple[JumpServer, ...]:
        """``server_id`` を踏み台にしたときに通る踏み台。こちらに近い順。Raises: ServerNotFoundError。"""
        ...

    async def depth_behind(self, server_id: ServerId) -> int:
        """``server_id`` を踏み台にするサーバが、何段続いているか。"""
        ...

    async def offer_host_key(self, server_id: ServerId, key: HostKey) -> None:
        """見せられた鍵を書き留める。固定したものと同じなら、書き留めを消す。"""
        ...

    async def pin_host_key(self, server_id: ServerId, key: HostKey) -> None: ...

    async def record_test(self, server_id: ServerId, reason: str) -> None: ...

    async def existing(self, project_id: ProjectId, server_ids: Sequence[ServerId]) -> frozenset[ServerId]:
        """そのうち、そのプロジェクトにあるもの。"""
        ...


class ServerDiskRepository(Protocol):
    """最後に見に行ったときの、実行のファイルの大きさ。"""

    async def claim(self, tried_before: datetime, at: datetime, limit: int) -> list[ServerId]:
        """見に行く番の来たサーバを引き受ける。同じ番を二人が引き受けることはない。

        鍵の承認が済み、最後に試みたのが ``tried_before`` より前のもの。長く見ていないものが先。
        """
        ...

    async def record(self, server_id: ServerId, disk: ServerDisk) -> None:
        """サーバがもうなければ、何もしない。"""
        ...


class ServerSelection(Protocol):
    """サーバを選ぶための、軽い一覧。"""

    async def everyone(self, reach: Reach) -> list[SelectableServer]: ...


class ServersTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def servers(self) -> ServerRepository: ...

    @property
    def selection(self) -> ServerSelection: ...

    @property
    def credentials(self) -> CredentialRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


class HostKeyScanner(Protocol):
    async def scan(self, route: Route) -> HostKey:
        """認証の手前まで進み、見せられた鍵を返す。Raises: ConnectionProblem。"""
        ...


class ConnectionTester(Protocol):
    async def test(self, endpoint: Endpoint) -> list[TestStep]:
        """段を順に試す。失敗した段で止まり、それまでの段も返す。例外は投げない。"""
        ...


class Connections(Protocol):
    """使い回している接続の口。"""

    async def forget(self, server_id: ServerId) -> None:
        """そのサーバへの接続を、使い終わりしだい捨てる(設定が変わったとき)。"""
        ...
