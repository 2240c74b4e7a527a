from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tsubame.business.shared.ids import CredentialId, ProjectId
from tsubame.business.shared.secret import Secret


class CredentialKind(StrEnum):
    SSH_KEY = "ssh_key"
    PASSWORD = "password"  # noqa: S105  種別の名前であり、秘密の値ではない


@dataclass(frozen=True, slots=True)
class PublicKey:
    """秘密鍵の、見せてよい半分。

    Attributes:
        algorithm: 例 ``ssh-ed25519``。
        line: ``authorized_keys`` にそのまま貼れる一行。
        fingerprint: ``SHA256:…``。
    """

    algorithm: str
    line: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Credential:
    id: CredentialId
    project_id: ProjectId
    name: str
    kind: CredentialKind
    public_key: PublicKey | None
    has_passphrase: bool
    server_count: int
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class KeyLogin:
    """鍵での入り方。``private_key`` は OpenSSH か PEM の全文。"""

    private_key: Secret
    passphrase: Secret | None


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    password: Secret


Login = KeyLogin | PasswordLogin
