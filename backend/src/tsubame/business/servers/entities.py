from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tsubame.business.credentials.entities import Login
from tsubame.business.shared.ids import CredentialId, ProjectId, ServerId
from tsubame.business.shared.secret import Secret


@dataclass(frozen=True, slots=True)
class HostKey:
    """相手の身元。

    Attributes:
        algorithm: 例 ``ssh-ed25519``。
        public_key: ``known_hosts`` の形(``種別 base64``)。
        fingerprint: ``SHA256:…``。
    """

    algorithm: str
    public_key: str
    fingerprint: str


class HostKeyState(StrEnum):
    UNKNOWN = "unknown"
    """まだだれも承認していない。"""
    PINNED = "pinned"
    CHANGED = "changed"
    """固定したものと違う鍵を見せられた。承認されるまで実行を止める。"""


def host_key_state(*, pinned: bool, offered: bool) -> HostKeyState:
    """``pinned`` は承認した鍵があること、``offered`` はまだ承認していない鍵を見せられたこと。"""
    if not pinned:
        return HostKeyState.UNKNOWN
    return HostKeyState.CHANGED if offered else HostKeyState.PINNED


@dataclass(frozen=True, slots=True)
class SshOptions:
    """サーバごとの SSH の細かな設定(``~/.ssh/config`` に書くようなもの)。

    Attributes:
        compression: 通信を圧縮する。細い回線では速く、ふつうの回線では遅くなる。
        legacy_algorithms: 今は弱いとされる暗号方式も許す。古いサーバや機器のため。
        connect_timeout_s: TCP がつながるまでの上限(秒)。握手とログインには、この倍を許す。
        keepalive_s: 相手が生きているかを尋ねる間隔(秒)。三つ続けて返事がなければ切れたとみなす。
    """

    compression: bool = False
    legacy_algorithms: bool = False
    connect_timeout_s: int = 10
    keepalive_s: int = 7


@dataclass(frozen=True, slots=True)
class JumpServer:
    """途中で通るサーバ(踏み台)。"""

    id: ServerId
    name: str


_LOW_SPACE: Final = 0.05


@dataclass(frozen=True, slots=True)
class ServerDisk:
    """サーバの上の、実行のファイル。最後に見に行ったときのもの。

    Attributes:
        used_bytes: 走りの記録とログの大きさ。
        orphan_runs: こちらの知らない走りの数(ほかの設置のものか、記録が消えたもの)。
        free_bytes: 新しい走りを置く場所の空き。分からなければ ``None``(``total_bytes`` も)。
    """

    used_bytes: int
    orphan_runs: int
    free_bytes: int | None
    total_bytes: int | None
    measured_at: datetime

    @property
    def low_space(self) -> bool:
        """空きが 5 % を切っている。"""
        if self.free_bytes is None or not self.total_bytes:
            return False
        return self.free_bytes / self.total_bytes < _LOW_SPACE


@dataclass(frozen=True, slots=True)
class Server:
    """サーバ。

    Attributes:
        jump_path: 途中で通る踏み台。こちらに近い順で、最後が ``jump_server_id``。
        sudo_user: スクリプトを動かす利用者。``None`` なら、ログインした利用者のまま。
        sudo_credential_id: sudo のパスワード。``None`` なら、パスワードなしで sudo できる。
        max_parallel: 同時に動かす対象の上限。``None`` は上限なし。
        pinned_key: 人が承認したホスト鍵。
        offered_key: 最後に見せられ、まだ承認されていないホスト鍵。
        run_directory: 実行の記録を置くサーバ側の絶対パス。``None`` なら既定の候補から選ぶ。
        last_test_reason: 最後の接続試験の結果。成功なら空文字、試していなければ ``None``。
        disk: 実行のファイルの大きさ。まだ見に行っていなければ ``None``。
    """

    id: ServerId
    project_id: ProjectId
    name: str
    description: str
    host: str
    port: int
    username: str
    credential_id: CredentialId
    credential_name: str
    tags: tuple[str, ...]
    run_directory: str | None
    jump_server_id: ServerId | None
    jump_path: tuple[JumpServer, ...]
    sudo_user: str | None
    sudo_credential_id: CredentialId | None
    sudo_credential_name: str | None
    ssh_options: SshOptions
    max_parallel: int | None
    pinned_key: HostKey | None
    offered_key: HostKey | None
    last_test_at: datetime | None
    last_test_reason: str | None
    disk: ServerDisk | None
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def host_key_state(self) -> HostKeyState:
        return host_key_state(pinned=self.pinned_key is not None, offered=self.offered_key is not None)


@dataclass(frozen=True, slots=True)
class Sudo:
    """ログインのあとに替わる利用者。``password`` が ``None`` なら、パスワードなし。"""

    user: str
    password: Secret | None


@dataclass(frozen=True, slots=True)
class Route:
    """相手の sshd の口までの行き方。ログインに要るものは含まない。"""

    host: str
    port: int
    via: "Endpoint | None"
    options: SshOptions


@dataclass(frozen=True, slots=True)
class Endpoint:
    """つなぐのに要るもの全部。

    Attributes:
        revision: サーバか認証情報が、途中の踏み台のものも含めて、変わると変わる値。
            接続の使い回しの鍵になる。
        host_key: 固定したホスト鍵。``None`` なら、つながずに ``HostKeyUnknownError``。
        via: すぐ手前の踏み台。その踏み台もまた ``via`` を持ちうる。
    """

    server_id: ServerId
    name: str
    revision: str
    host: str
    port: int
    username: str
    login: Login
    host_key: HostKey | None
    run_directory: str | None
    via: "Endpoint | None" = None
    sudo: Sudo | None = None
    options: SshOptions = field(default_factory=SshOptions)

    @property
    def route(self) -> Route:
        return Route(self.host, self.port, self.via, self.options)

    @property
    def hops(self) -> "tuple[Endpoint, ...]":
        """途中の踏み台。こちらに近い順。"""
        return () if self.via is None else (*self.via.hops, self.via)


class TestStepName(StrEnum):
    """接続試験の段。この順に試し、失敗したところで止まる。

    踏み台を通るなら、踏み台の数だけ ``JUMP`` があり、名前は踏み台が解くので ``DNS`` はない。
    """

    JUMP = "jump"
    DNS = "dns"
    TCP = "tcp"
    HOST_KEY = "host_key"
    LOGIN = "login"
    SHELL = "shell"
    RUN_DIRECTORY = "run_directory"


@dataclass(frozen=True, slots=True)
class TestStep:
    """接続試験の一段。

    Attributes:
        duration_ms: かかった時間(ミリ秒)。
        reason: 失敗の ``code``(``ConnectionProblem.code`` と同じ語彙)。成功なら ``None``。
        facts: 見せる事実。例 ``{"address": "10.0.0.5"}``、``{"free_bytes": 123, "directory": "…"}``。
        hop: 踏み台の段なら、その踏み台。失敗したとき、見に行く先になる。
    """

    name: TestStepName
    duration_ms: float
    reason: str | None
    detail: str
    facts: dict[str, str | int]
    hop: ServerId | None = None
