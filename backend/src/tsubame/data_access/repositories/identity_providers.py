"""外のログインの提供者、途中のログイン、結びついた身元、写した役割。"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.auth.provider_errors import IdentityTakenError, ProviderNotFoundError
from tsubame.business.auth.providers import Flow, GroupRule, LinkedIdentity, Provider, ProviderSettings
from tsubame.business.projects.entities import ProjectRef
from tsubame.business.shared.errors import NameTakenError, VersionConflictError
from tsubame.business.shared.ids import ProjectId, ProviderId, UserId
from tsubame.business.shared.permissions import Role
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.tables.identity_providers import (
    identity_provider_rules,
    identity_providers,
    linked_identities,
    provider_flows,
)
from tsubame.data_access.tables.projects import project_members, projects

_NAME_INDEX = "uq_identity_providers_name"
_NEXT_ID = text("SELECT nextval(pg_get_serial_sequence('identity_providers', 'id'))")


class SqlProviderRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_id(self) -> ProviderId:
        return ProviderId((await self._connection.execute(_NEXT_ID)).scalar_one())

    async def add(
        self, provider_id: ProviderId, settings: ProviderSettings, sealed_secret: str | None
    ) -> None:
        values = {"id": provider_id, "client_secret_sealed": sealed_secret, **_columns(settings)}
        with translated({_NAME_INDEX: NameTakenError(settings.name)}):
            await self._connection.execute(insert(identity_providers).values(values))
        await self._add_rules(provider_id, settings.rules)

    async def replace(
        self,
        provider_id: ProviderId,
        settings: ProviderSettings,
        sealed_secret: str | None,
        expected_version: int | None,
    ) -> None:
        statement = (
            update(identity_providers)
            .where(identity_providers.c.id == provider_id)
            .values(
                client_secret_sealed=sealed_secret,
                updated_at=func.now(),
                version=identity_providers.c.version + 1,
                **_columns(settings),
            )
            .returning(identity_providers.c.id)
        )
        if expected_version is not None:
            statement = statement.where(identity_providers.c.version == expected_version)
        with translated({_NAME_INDEX: NameTakenError(settings.name)}):
            changed = (await self._connection.execute(statement)).scalar_one_or_none()
        if changed is None:
            await self.get(provider_id)
            raise VersionConflictError
        await self._connection.execute(
            delete(identity_provider_rules).where(identity_provider_rules.c.provider_id == provider_id)
        )
        await self._add_rules(provider_id, settings.rules)

    async def get(self, provider_id: ProviderId) -> Provider:
        query = select(identity_providers).where(identity_providers.c.id == provider_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise ProviderNotFoundError
        return _provider(row, (await self._rules()).get(row.id, ()))

    async def everyone(self) -> list[Provider]:
        query = select(identity_providers).order_by(identity_providers.c.position, identity_providers.c.id)
        rules = await self._rules()
        return [_provider(row, rules.get(row.id, ())) for row in await self._connection.execute(query)]

    async def delete(self, provider_id: ProviderId) -> None:
        await self._connection.execute(
            delete(identity_providers).where(identity_providers.c.id == provider_id)
        )

    async def _rules(self) -> dict[int, tuple[GroupRule, ...]]:
        query = select(identity_provider_rules).order_by(identity_provider_rules.c.id)
        found: dict[int, tuple[GroupRule, ...]] = {}
        for row in await self._connection.execute(query):
            project = None if row.project_id is None else ProjectId(row.project_id)
            rule = GroupRule(row.group_name, project, Role(row.role))
            found[row.provider_id] = (*found.get(row.provider_id, ()), rule)
        return found

    async def _add_rules(self, provider_id: ProviderId, rules: Sequence[GroupRule]) -> None:
        if rules:
            rows = [
                {
                    "provider_id": provider_id,
                    "group_name": rule.group,
                    "project_id": rule.project_id,
                    "role": rule.role,
                }
                for rule in rules
            ]
            await self._connection.execute(insert(identity_provider_rules), rows)


class SqlProviderFlowRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, flow: Flow, now: datetime) -> None:
        await self._connection.execute(delete(provider_flows).where(provider_flows.c.expires_at <= now))
        await self._connection.execute(
            insert(provider_flows).values(
                token_hash=flow.token_hash,
                provider_id=flow.provider_id,
                user_id=flow.user_id,
                redirect_uri=flow.redirect_uri,
                expires_at=flow.expires_at,
            )
        )

    async def take(self, token_hash: bytes, now: datetime) -> Flow | None:
        taken = await self._connection.execute(
            delete(provider_flows)
            .where(provider_flows.c.token_hash == token_hash, provider_flows.c.expires_at > now)
            .returning(provider_flows)
        )
        row = taken.one_or_none()
        if row is None:
            return None
        return Flow(
            token_hash=bytes(row.token_hash),
            provider_id=ProviderId(row.provider_id),
            user_id=None if row.user_id is None else UserId(row.user_id),
            redirect_uri=row.redirect_uri,
            expires_at=row.expires_at,
        )


class SqlIdentityRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, issuer: str, subject: str) -> LinkedIdentity | None:
        query = select(linked_identities).where(
            linked_identities.c.issuer == issuer, linked_identities.c.subject == subject
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _identity(row)

    async def of(self, user_id: UserId) -> list[LinkedIdentity]:
        query = select(linked_identities).where(linked_identities.c.user_id == user_id)
        rows = await self._connection.execute(query.order_by(linked_identities.c.id))
        return [_identity(row) for row in rows]

    async def all(self) -> list[LinkedIdentity]:
        rows = await self._connection.execute(select(linked_identities).order_by(linked_identities.c.id))
        return [_identity(row) for row in rows]

    async def add(self, user_id: UserId, issuer: str, subject: str, label: str) -> LinkedIdentity:
        values = {"user_id": user_id, "issuer": issuer, "subject": subject, "label": label}
        with translated({"uq_linked_identities_issuer_subject": IdentityTakenError()}):
            added = insert(linked_identities).values(values).returning(linked_identities)
            return _identity((await self._connection.execute(added)).one())

    async def used(self, identity: LinkedIdentity, label: str, now: datetime) -> None:
        await self._connection.execute(
            update(linked_identities)
            .where(linked_identities.c.id == identity.id)
            .values(label=label, last_used_at=now)
        )

    async def remove(self, user_id: UserId, identity_id: int) -> LinkedIdentity | None:
        removed = await self._connection.execute(
            delete(linked_identities)
            .where(linked_identities.c.user_id == user_id, linked_identities.c.id == identity_id)
            .returning(linked_identities)
        )
        row = removed.one_or_none()
        return None if row is None else _identity(row)


class SqlMappedRolesRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def projects(self) -> list[ProjectRef]:
        rows = await self._connection.execute(
            select(projects.c.id, projects.c.name).order_by(projects.c.name)
        )
        return [ProjectRef(ProjectId(row.id), row.name) for row in rows]

    async def set_project_roles(self, user_id: UserId, roles: Mapping[ProjectId, Role | None]) -> None:
        await self._connection.execute(
            delete(project_members).where(
                project_members.c.user_id == user_id,
                project_members.c.project_id == func.any(list(roles)),
            )
        )
        rows = [
            {"user_id": user_id, "project_id": project_id, "role": role}
            for project_id, role in roles.items()
            if role is not None
        ]
        if rows:
            await self._connection.execute(insert(project_members), rows)


def _columns(settings: ProviderSettings) -> dict[str, object]:
    return {
        "name": settings.name,
        "issuer": settings.issuer,
        "client_id": settings.client_id,
        "scopes": settings.scopes,
        "username_claim": settings.username_claim,
        "group_claim": settings.group_claim,
        "default_role": settings.default_role,
        "creates_users": settings.creates_users,
        "trusts_second_factor": settings.trusts_second_factor,
        "enabled": settings.enabled,
        "position": settings.position,
    }


def _provider(row: Row[*tuple[Any, ...]], rules: tuple[GroupRule, ...]) -> Provider:
    settings = ProviderSettings(
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        scopes=row.scopes,
        username_claim=row.username_claim,
        group_claim=row.group_claim,
        rules=rules,
        default_role=None if row.default_role is None else Role(row.default_role),
        creates_users=row.creates_users,
        trusts_second_factor=row.trusts_second_factor,
        enabled=row.enabled,
        position=row.position,
    )
    return Provider(ProviderId(row.id), settings, row.client_secret_sealed, row.version, row.updated_at)


def _identity(row: Row[*tuple[Any, ...]]) -> LinkedIdentity:
    return LinkedIdentity(
        id=row.id,
        user_id=UserId(row.user_id),
        issuer=row.issuer,
        subject=row.subject,
        label=row.label,
        linked_at=row.linked_at,
        last_used_at=row.last_used_at,
    )
