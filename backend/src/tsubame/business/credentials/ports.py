from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.credentials.entities import Credential, CredentialKind, PublicKey
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import CredentialId, ExecutionId, ProjectId, Reach
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import Signals


@dataclass(frozen=True, slots=True)
class SecretColumns:
    """秘密をしまう形。``sealed`` は暗号にした JSON で、置き場所(表・列・行)に結びついている。"""

    kind: CredentialKind
    public_key: PublicKey | None
    has_passphrase: bool
    sealed: str


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """入れる行。"""

    id: CredentialId
    project_id: ProjectId
    name: str
    secret: SecretColumns


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """しまってある秘密。``version`` は、使い回しの接続が古くなったかを見分けるのに使う。"""

    kind: CredentialKind
    sealed: str
    version: int


@dataclass(frozen=True, slots=True)
class CredentialFilter:
    """``query`` は名前の部分一致。"""

    query: str = ""
    project_id: ProjectId | None = None


class CredentialRepository(Protocol):
    """``reach`` を渡す操作では、そこにないものは、ないのと同じ。"""

    async def next_id(self) -> CredentialId:
        """暗号を行に結びつけるため、入れる前に番号を取る。"""
        ...

    async def add(self, row: CredentialRow) -> None:
        """Raises: NameTakenError, ProjectNotFoundError。"""
        ...

    async def replace(
        self,
        credential_id: CredentialId,
        name: str,
        secret: SecretColumns | None,
        expected_version: int | None,
    ) -> None:
        """``secret`` が ``None`` なら、秘密は今のまま。

        Raises: NameTakenError, VersionConflictError, CredentialNotFoundError。
        """
        ...

    async def get(self, credential_id: CredentialId, reach: Reach = None) -> Credential:
        """Raises: CredentialNotFoundError。"""
        ...

    async def sealed_of(self, credential_id: CredentialId) -> SealedCredential:
        """暗号文。Raises: CredentialNotFoundError。"""
        ...

    async def sealed(self, credential_ids: Sequence[CredentialId]) -> dict[CredentialId, SealedCredential]:
        """``sealed_of`` をまとめて。あるものだけ。"""
        ...

    async def page(self, where: CredentialFilter, reach: Reach, request: PageRequest) -> Page[Credential]: ...

    async def hidden(self, ids: Sequence[int], reach: Reach) -> frozenset[int]:
        """あるけれど届かないもの。"""
        ...

    async def delete(self, credential_id: CredentialId) -> None:
        """Raises: CredentialInUseError, CredentialNotFoundError。"""
        ...


class CredentialUses(Protocol):
    async def note(self, actor: Actor, execution_id: ExecutionId, job_name: str) -> None:
        """その実行の対象が使う認証情報(途中の踏み台と sudo の分も)を、使ったこととして監査に残す。"""
        ...


class CredentialsTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def credentials(self) -> CredentialRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


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
