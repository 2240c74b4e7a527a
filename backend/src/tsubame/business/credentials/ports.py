from dataclasses import dataclass
from typing import Protocol

from tsubame.business.credentials.entities import Credential, CredentialKind, PublicKey
from tsubame.business.shared.ids import CredentialId, ProjectId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.secret import Secret


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """しまう形。``sealed`` は暗号にした JSON で、置き場所(表・列・行)に結びついている。"""

    id: CredentialId
    project_id: ProjectId
    name: str
    kind: CredentialKind
    public_key: PublicKey | None
    has_passphrase: bool
    sealed: str


class CredentialRepository(Protocol):
    async def next_id(self) -> CredentialId:
        """暗号を行に結びつけるため、入れる前に番号を取る。"""
        ...

    async def add(self, row: CredentialRow) -> None:
        """Raises: NameTakenError。"""
        ...

    async def replace(self, row: CredentialRow, expected_version: int | None) -> None:
        """Raises: NameTakenError, VersionConflictError, CredentialNotFoundError。"""
        ...

    async def get(self, credential_id: CredentialId) -> Credential:
        """Raises: CredentialNotFoundError。"""
        ...

    async def sealed_of(self, credential_id: CredentialId) -> tuple[CredentialKind, str]:
        """Raises: CredentialNotFoundError。"""
        ...

    async def page(self, query: str, request: PageRequest) -> Page[Credential]: ...

    async def delete(self, credential_id: CredentialId) -> None:
        """Raises: CredentialInUseError, CredentialNotFoundError。"""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """暗号文の置き場所。別の行へ写された暗号文は、開くときに拒まれる。"""

    table: str
    column: str
    row: int


class Vault(Protocol):
    """金庫。鍵は環境か 0600 のファイルから来る。"""

    def seal(self, plain: bytes, place: Place) -> str: ...

    def open(self, sealed: str, place: Place) -> bytes:
        """Raises: VaultError。"""
        ...


class VaultError(Exception):
    """開けない: 鍵が違うか、壊れているか、別の場所から写された。"""


@dataclass(frozen=True, slots=True)
class GeneratedKey:
    private_key: Secret
    public_key: PublicKey


class SshKeys(Protocol):
    """SSH の鍵の読み書き。"""

    def read_private(self, private_key: Secret, passphrase: Secret | None, comment: str) -> PublicKey:
        """読めることを確かめ、公開鍵を返す。

        Raises:
            PrivateKeyError: 読めない、合言葉が要る、合言葉が違う、公開鍵が貼られた。
        """
        ...

    def generate_ed25519(self, comment: str) -> GeneratedKey: ...
