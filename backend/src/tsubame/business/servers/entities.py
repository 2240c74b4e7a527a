from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tsubame.business.credentials.entities import Login
from tsubame.business.shared.ids import CredentialId, ProjectId, ServerId


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
class Server:
    """サーバ。

    Attributes:
        pinned_key: 人が承認したホスト鍵。
        offered_key: 最後に見せられ、まだ承認されていないホスト鍵。
        run_directory: 実行の記録を置くサーバ側の絶対パス。``None`` なら既定の候補から選ぶ。
        last_test_reason: 最後の接続試験の結果。成功なら空文字、試していなければ ``None``。
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
    pinned_key: HostKey | None
    offered_key: HostKey | None
    last_test_at: datetime | None
    last_test_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def host_key_state(self) -> HostKeyState:
        return host_key_state(pinned=self.pinned_key is not None, offered=self.offered_key is not None)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """つなぐのに要るもの全部。

    Attributes:
        revision: サーバか認証情報が変わると変わる値。接続の使い回しの鍵になる。
        host_key: 固定したホスト鍵。``None`` なら、つながずに ``HostKeyUnknownError``。
    """

    server_id: ServerId
    revision: str
    host: str
    port: int
    username: str
    login: Login
    host_key: HostKey | None
    run_directory: str | None


class TestStepName(StrEnum):
    """接続試験の段。この順に試し、失敗したところで止まる。"""

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
    """

    name: TestStepName
    duration_ms: float
    reason: str | None
    detail: str
    facts: dict[str, str | int]
