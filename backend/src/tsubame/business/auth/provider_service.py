"""管理者が、外のログインの提供者と、身元の結びつきを決める。"""

from dataclasses import asdict

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.auth.proofs import existing
from tsubame.business.auth.provider_drafts import ProviderDraft, checked_issuer, checked_settings
from tsubame.business.auth.provider_errors import ProviderNotFoundError
from tsubame.business.auth.provider_events import about_identity
from tsubame.business.auth.provider_ports import ProviderConnections, ProvidersTx
from tsubame.business.auth.providers import (
    Discovered,
    LinkedIdentity,
    Provider,
    ProviderSettings,
    client_secret_place,
)
from tsubame.business.projects.entities import ProjectRef
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import InvalidInputError, NotFoundError
from tsubame.business.shared.ids import ProviderId, UserId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors, checked_line
from tsubame.business.shared.vault import Vault


class ProviderService:
    def __init__(
        self, transactions: Transactions[ProvidersTx], vault: Vault, connections: ProviderConnections
    ) -> None:
        self._transactions = transactions
        self._vault = vault
        self._connections = connections

    async def enabled(self) -> list[Provider]:
        """ログインの画面に出すもの。だれでも読める。"""
        async with self._transactions.look() as tx:
            return [provider for provider in await tx.providers.everyone() if provider.settings.enabled]

    async def everyone(self, actor: Actor) -> list[Provider]:
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            return await tx.providers.everyone()

    async def places(self, actor: Actor) -> list[ProjectRef]:
        """組に役割を渡せるプロジェクト。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            return await tx.mapped_roles.projects()

    async def create(self, actor: Actor, draft: ProviderDraft) -> Provider:
        """Raises: InvalidInputError, NameTakenError。"""
        actor.require(Permission.USER_WRITE)
        settings = checked_settings(draft.settings)
        async with self._transactions.begin() as tx:
            await _check_projects(tx, settings)
            provider_id = await tx.providers.next_id()
            await tx.providers.add(provider_id, settings, self._sealed(provider_id, draft, None))
            await tx.audit.record(_about(actor, "created", provider_id, settings.name, {}))
            return await tx.providers.get(provider_id)

    async def update(
        self, actor: Actor, provider_id: ProviderId, draft: ProviderDraft, expected_version: int | None
    ) -> Provider:
        """Raises: InvalidInputError, NameTakenError, VersionConflictError, ProviderNotFoundError。"""
        actor.require(Permission.USER_WRITE)
        settings = checked_settings(draft.settings)
        async with self._transactions.begin() as tx:
            await _check_projects(tx, settings)
            before = await tx.providers.get(provider_id)
            sealed = self._sealed(provider_id, draft, before.sealed_secret)
            await tx.providers.replace(provider_id, settings, sealed, expected_version)
            changes = _changes(before.settings, settings)
            if draft.secret is not None:
                changes["client_secret"] = "changed"  # noqa: S105  変わったという印だけ
            await tx.audit.record(_about(actor, "changed", provider_id, settings.name, {"changes": changes}))
            return await tx.providers.get(provider_id)

    async def delete(self, actor: Actor, provider_id: ProviderId) -> None:
        """消す。結びついた身元は名乗りで覚えているので、同じ提供者を作り直せば、また入れる。

        Raises: ProviderNotFoundError。
        """
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            provider = await tx.providers.get(provider_id)
            await tx.providers.delete(provider_id)
            await tx.audit.record(_about(actor, "deleted", provider_id, provider.settings.name, {}))

    async def discover(self, actor: Actor, issuer: str) -> Discovered:
        """しまう前に、提供者の文書と鍵を読んでみる。

        Raises: InvalidInputError, ProviderProblem の子。
        """
        actor.require(Permission.USER_WRITE)
        errors = FieldErrors()
        checked = checked_issuer(issuer, errors)
        errors.raise_if_any()
        return await self._connections.discover(checked)

    async def identities(self, actor: Actor) -> list[LinkedIdentity]:
        """だれの身元が、どの提供者に結びついているか。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            return await tx.identities.all()

    async def link(self, actor: Actor, user_id: UserId, provider_id: ProviderId, subject: str) -> None:
        """管理者が、いまいる利用者に身元を結びつける。

        Raises: NotFoundError, IdentityTakenError, InvalidInputError。
        """
        actor.require(Permission.USER_WRITE)
        errors = FieldErrors()
        checked = checked_line("subject", subject, errors, max_length=255)
        errors.raise_if_any()
        async with self._transactions.begin() as tx:
            user = await existing(tx, user_id)
            provider = await _chosen(tx, provider_id)
            await tx.identities.add(user.id, provider.settings.issuer, checked, checked)
            await tx.audit.record(about_identity(actor, "linked", user, provider.settings.issuer, checked))

    async def unlink(self, actor: Actor, user_id: UserId, identity_id: int) -> None:
        """Raises: NotFoundError。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            user = await existing(tx, user_id)
            removed = await tx.identities.remove(user_id, identity_id)
            if removed is None:
                raise NotFoundError("There is no such linked account.")
            await tx.audit.record(about_identity(actor, "unlinked", user, removed.issuer, removed.subject))

    def _sealed(self, provider_id: ProviderId, draft: ProviderDraft, current: str | None) -> str | None:
        if draft.secret is None:
            return current
        plain = draft.secret.reveal().encode()
        return self._vault.seal(plain, client_secret_place(provider_id)) if plain else None


async def _chosen(tx: ProvidersTx, provider_id: ProviderId) -> Provider:
    try:
        return await tx.providers.get(provider_id)
    except ProviderNotFoundError as exc:
        raise InvalidInputError.one("provider_id", exc.code, exc.detail) from exc


async def _check_projects(tx: ProvidersTx, settings: ProviderSettings) -> None:
    known = {project.id for project in await tx.mapped_roles.projects()}
    for index, rule in enumerate(settings.rules):
        if rule.project_id is not None and rule.project_id not in known:
            raise InvalidInputError.one(
                f"rules.{index}.project_id", "project_unknown", "There is no such project."
            )


def _changes(before: ProviderSettings, after: ProviderSettings) -> dict[str, object]:
    old, new = asdict(before), asdict(after)
    return {key: {"from": old[key], "to": new[key]} for key in new if old[key] != new[key]}


def _about(
    actor: Actor, verb: str, provider_id: ProviderId, name: str, details: dict[str, object]
) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=f"identity_provider.{verb}",
        subject_type="identity_provider",
        subject_id=provider_id,
        subject_name=name,
        details=details,
    )
