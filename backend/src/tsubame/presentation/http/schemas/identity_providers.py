"""外のログインの、API の型。"""

from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr

from tsubame.business.auth.provider_drafts import ProviderDraft
from tsubame.business.auth.providers import Discovered, GroupRule, LinkedIdentity, Provider, ProviderSettings
from tsubame.business.shared.ids import ProjectId
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.presentation.http.api_model import ApiInput, ApiModel, RowId
from tsubame.presentation.http.schemas.second_factor import ProofInput
from tsubame.presentation.http.schemas.storage import ProjectRefRead


class ProviderOption(ApiModel):
    id: int
    name: str


class ProviderOptions(ApiModel):
    """ログインの画面に並べるもの。"""

    items: list[ProviderOption]


class SentOutRead(ApiModel):
    authorization_url: str


class ProviderAnswerInput(ApiInput):
    """提供者から戻ってきたときの、住所の中身。"""

    state: str = Field(min_length=1, max_length=200)
    code: str | None = Field(default=None, max_length=8192)
    iss: str | None = Field(default=None, max_length=1000)
    error: str | None = Field(default=None, max_length=1000)


class GroupRuleInput(ApiInput):
    group: str = Field(max_length=1000)
    project_id: RowId | None
    """``null`` なら、どこでも効く役割。"""
    role: Role


class ProviderInput(ApiInput):
    name: str
    issuer: str
    client_id: str
    client_secret: Annotated[SecretStr, Field(max_length=10_000)] | None = None
    """省けば今のまま、空ならなし(公開のクライアント)。"""
    scopes: str = "openid profile email"
    username_claim: str = "preferred_username"
    group_claim: str = "groups"
    rules: list[GroupRuleInput]
    default_role: Role | None
    """どの決まりにも当たらない人の役割。``null`` なら入れない。"""
    creates_users: bool
    trusts_second_factor: bool
    enabled: bool
    position: int = Field(ge=0, le=10_000)

    def to_draft(self) -> ProviderDraft:
        settings = ProviderSettings(
            name=self.name,
            issuer=self.issuer,
            client_id=self.client_id,
            scopes=self.scopes,
            username_claim=self.username_claim,
            group_claim=self.group_claim,
            rules=tuple(_rule(rule) for rule in self.rules),
            default_role=self.default_role,
            creates_users=self.creates_users,
            trusts_second_factor=self.trusts_second_factor,
            enabled=self.enabled,
            position=self.position,
        )
        secret = self.client_secret
        return ProviderDraft(settings, None if secret is None else Secret(secret.get_secret_value()))


class GroupRuleRead(ApiModel):
    group: str
    project_id: int | None
    role: Role


class ProviderRead(ApiModel):
    id: int
    name: str
    issuer: str
    client_id: str
    has_client_secret: bool
    scopes: str
    username_claim: str
    group_claim: str
    rules: list[GroupRuleRead]
    default_role: Role | None
    creates_users: bool
    trusts_second_factor: bool
    enabled: bool
    position: int
    updated_at: datetime
    version: int


class ProviderList(ApiModel):
    items: list[ProviderRead]
    redirect_uri: str
    """提供者の側に登録する、戻り先の住所。"""
    projects: list[ProjectRefRead]
    """組に役割を渡せるプロジェクト。"""


class DiscoverInput(ApiInput):
    issuer: str


class DiscoveredRead(ApiModel):
    issuer: str
    authorization_endpoint: str
    algorithms: list[str]
    keys: int
    scopes: list[str]
    claims: list[str]


class IdentityRead(ApiModel):
    id: int
    user_id: int
    issuer: str
    subject: str
    label: str
    linked_at: datetime
    last_used_at: datetime | None


class IdentityList(ApiModel):
    items: list[IdentityRead]


class LinkInput(ApiInput):
    provider_id: RowId
    subject: str


class LinkOwnInput(ProofInput):
    provider_id: RowId


def provider_read(provider: Provider) -> ProviderRead:
    settings = provider.settings
    return ProviderRead(
        id=provider.id,
        name=settings.name,
        issuer=settings.issuer,
        client_id=settings.client_id,
        has_client_secret=provider.sealed_secret is not None,
        scopes=settings.scopes,
        username_claim=settings.username_claim,
        group_claim=settings.group_claim,
        rules=[GroupRuleRead.model_validate(rule) for rule in settings.rules],
        default_role=settings.default_role,
        creates_users=settings.creates_users,
        trusts_second_factor=settings.trusts_second_factor,
        enabled=settings.enabled,
        position=settings.position,
        updated_at=provider.updated_at,
        version=provider.version,
    )


def discovered_read(found: Discovered) -> DiscoveredRead:
    return DiscoveredRead.model_validate(found)


def identity_list(found: list[LinkedIdentity]) -> IdentityList:
    return IdentityList(items=[IdentityRead.model_validate(identity) for identity in found])


def _rule(rule: GroupRuleInput) -> GroupRule:
    project = None if rule.project_id is None else ProjectId(rule.project_id)
    return GroupRule(rule.group, project, rule.role)
