"""外のログイン(OpenID Connect)の実体と、純粋な決まり。"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Final

from tsubame.business.shared.ids import ProjectId, ProviderId, UserId
from tsubame.business.shared.permissions import Role, stronger
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.vault import Place

FLOW_LIFETIME: Final = timedelta(minutes=10)
"""提供者の画面で名前とパスワードを打つあいだ、待っている長さ。"""


@dataclass(frozen=True, slots=True)
class GroupRule:
    """その組の人に渡す役割。``project_id`` が ``None`` なら、どこでも効く役割。"""

    group: str
    project_id: ProjectId | None
    role: Role


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """管理者が決める、一つの提供者。

    Attributes:
        issuer: 提供者の名乗り。文書の住所も、身元の主語の範囲も、これで決まる。
        username_claim: 利用者の名前にする項目。
        group_claim: 組の並びの項目。``realm_access.roles`` のように、点で中へ入れる。
        default_role: どの決まりにも当たらない人の役割。``None`` なら入れない。
        creates_users: 知らない人が来たら、その場で利用者を作る。
        trusts_second_factor: 提供者の側で二段階を済ませたものとみなす。
    """

    name: str
    issuer: str
    client_id: str
    scopes: str
    username_claim: str
    group_claim: str
    rules: tuple[GroupRule, ...]
    default_role: Role | None
    creates_users: bool
    trusts_second_factor: bool
    enabled: bool
    position: int


@dataclass(frozen=True, slots=True)
class Provider:
    id: ProviderId
    settings: ProviderSettings
    sealed_secret: str | None
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderClient:
    """提供者と話すのに要るもの。"""

    issuer: str
    client_id: str
    secret: Secret | None
    scopes: str
    username_claim: str
    group_claim: str


@dataclass(frozen=True, slots=True)
class FlowSecrets:
    """一度のログインに使う三つの値。

    どれもブラウザの Cookie の値から導くので、しまっておくものがなく、そのブラウザでしか続けられない。
    """

    state: str
    nonce: str
    verifier: str

    @classmethod
    def derived_from(cls, cookie: str) -> "FlowSecrets":
        return cls(*(_derived(cookie, label) for label in (b"state", b"nonce", b"verifier")))


@dataclass(frozen=True, slots=True)
class Flow:
    """提供者へ送り出した一度のログイン。``user_id`` があれば、その人の身元を結びつけるため。"""

    token_hash: bytes
    provider_id: ProviderId
    user_id: UserId | None
    redirect_uri: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SentOut:
    """ブラウザに渡すもの: 行き先と、Cookie に入れる値。"""

    authorization_url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """提供者から戻ってきたときの、住所の中身。"""

    state: str
    code: str | None
    issuer: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """提供者が確かめた人。同じ人かは、名乗りと主語の組で決める(OpenID Connect Core §5.7)。"""

    issuer: str
    subject: str
    username: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    id: int
    user_id: UserId
    issuer: str
    subject: str
    label: str
    linked_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Discovered:
    """提供者の文書を読んでみた結果。"""

    issuer: str
    authorization_endpoint: str
    algorithms: tuple[str, ...]
    keys: int
    scopes: tuple[str, ...]
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MappedRoles:
    """組から決まった役割。

    Attributes:
        manages_role: どこでも効く役割の決まりがあるか。なければ、今の役割を変えない。
        project_roles: 決まりにあるプロジェクトの全部。``None`` なら、当たらなかったので外す。
    """

    manages_role: bool
    role: Role | None
    project_roles: Mapping[ProjectId, Role | None]

    @property
    def gives_nothing(self) -> bool:
        return self.role is None and not any(self.project_roles.values())


def roles_for(settings: ProviderSettings, groups: Iterable[str]) -> MappedRoles:
    """当たった決まりのうち、場所ごとにいちばん強い役割。"""
    held = set(groups)
    roles: dict[ProjectId | None, Role | None] = {rule.project_id: None for rule in settings.rules}
    for rule in settings.rules:
        if rule.group in held:
            roles[rule.project_id] = reduce(stronger, (roles[rule.project_id], rule.role))
    manages = None in roles
    role = roles.pop(None, None)
    projects = {place: given for place, given in roles.items() if place is not None}
    return MappedRoles(manages, role or settings.default_role, projects)


def new_cookie() -> str:
    return secrets.token_urlsafe(32)


def client_secret_place(provider_id: ProviderId) -> Place:
    return Place("identity_providers", "client_secret_sealed", provider_id)


def _derived(cookie: str, label: bytes) -> str:
    """256 ビットを base64url で 43 文字に。PKCE の verifier の最短(RFC 7636 §4.1)にちょうど届く。"""
    digest = hmac.new(cookie.encode("utf-8", "replace"), label, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
