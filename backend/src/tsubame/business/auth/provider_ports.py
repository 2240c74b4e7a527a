"""外のログインが外に求める形。"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from tsubame.business.auth.providers import (
    Discovered,
    Flow,
    FlowSecrets,
    LinkedIdentity,
    Person,
    Provider,
    ProviderAnswer,
    ProviderClient,
    ProviderSettings,
)
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.projects.entities import ProjectRef
from tsubame.business.shared.ids import ProjectId, ProviderId, UserId
from tsubame.business.shared.permissions import Role


class ProviderRepository(Protocol):
    async def next_id(self) -> ProviderId:
        """暗号を行に結びつけるため、入れる前に番号を取る。"""
        ...

    async def add(
        self, provider_id: ProviderId, settings: ProviderSettings, sealed_secret: str | None
    ) -> None:
        """Raises: NameTakenError。"""
        ...

    async def replace(
        self,
        provider_id: ProviderId,
        settings: ProviderSettings,
        sealed_secret: str | None,
        expected_version: int | None,
    ) -> None:
        """Raises: NameTakenError, VersionConflictError, ProviderNotFoundError。"""
        ...

    async def get(self, provider_id: ProviderId) -> Provider:
        """Raises: ProviderNotFoundError。"""
        ...

    async def everyone(self) -> list[Provider]:
        """見せる順。"""
        ...

    async def delete(self, provider_id: ProviderId) -> None:
        """Raises: ProviderNotFoundError。"""
        ...


class ProviderFlowRepository(Protocol):
    async def add(self, flow: Flow, now: datetime) -> None:
        """加える。期限の過ぎたものは、このついでに捨てる。"""
        ...

    async def take(self, token_hash: bytes, now: datetime) -> Flow | None:
        """期限の内なら、消して返す。一度しか使えない。"""
        ...


class IdentityRepository(Protocol):
    async def find(self, issuer: str, subject: str) -> LinkedIdentity | None: ...

    async def of(self, user_id: UserId) -> list[LinkedIdentity]: ...

    async def all(self) -> list[LinkedIdentity]: ...

    async def add(self, user_id: UserId, issuer: str, subject: str, label: str) -> LinkedIdentity:
        """Raises: IdentityTakenError。"""
        ...

    async def used(self, identity: LinkedIdentity, label: str, now: datetime) -> None: ...

    async def remove(self, user_id: UserId, identity_id: int) -> LinkedIdentity | None: ...


class MappedRolesRepository(Protocol):
    """提供者の決まりで渡す役割を書く口。"""

    async def projects(self) -> list[ProjectRef]:
        """役割を渡せる所。名前の順。"""
        ...

    async def set_project_roles(self, user_id: UserId, roles: Mapping[ProjectId, Role | None]) -> None: ...


class ProvidersTx(SecondFactorTx, Protocol):
    @property
    def providers(self) -> ProviderRepository: ...

    @property
    def provider_flows(self) -> ProviderFlowRepository: ...

    @property
    def identities(self) -> IdentityRepository: ...

    @property
    def mapped_roles(self) -> MappedRolesRepository: ...


class ProviderConnections(Protocol):
    """提供者と話す口(OpenID Connect)。"""

    async def authorization_url(self, client: ProviderClient, secrets: FlowSecrets, redirect_uri: str) -> str:
        """Raises: ProviderProblem の子。"""
        ...

    async def person(
        self, client: ProviderClient, secrets: FlowSecrets, redirect_uri: str, answer: ProviderAnswer
    ) -> Person:
        """符号を身元に替え、署名・あて先・名乗り・期限・nonce を確かめる。

        Raises: ProviderProblem の子。
        """
        ...

    async def discover(self, issuer: str) -> Discovered:
        """溜め置きを使わずに、文書と鍵を読んでみる。Raises: ProviderProblem の子。"""
        ...
