"""提供者が確かめた人を、利用者にする: 役割を写し、知らない人を作り、身元を結びつける。"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tsubame.business.audit.entities import AuditEvent, Outcome
from tsubame.business.auth.entities import ClientInfo, SignedIn
from tsubame.business.auth.proofs import existing
from tsubame.business.auth.provider_errors import (
    SsoDisabledError,
    SsoNameTakenError,
    SsoNoAccountError,
    SsoNoRoleError,
    SsoRefusedError,
)
from tsubame.business.auth.provider_events import about_identity
from tsubame.business.auth.provider_ports import ProvidersTx
from tsubame.business.auth.providers import LinkedIdentity, Person, Provider, roles_for
from tsubame.business.auth.second_factor import Challenge, FirstFactor
from tsubame.business.auth.sign_in_steps import SignInSteps, actor_at
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import NameTakenError
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.users.entities import User
from tsubame.business.users.names import checked_username
from tsubame.business.users.ports import NewUser

_NOT_IN_NAMES: Final = re.compile(r"[^\w.@+-]+")
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class _Arrival:
    """どの提供者から、だれが、どこから来たか。"""

    provider: Provider
    person: Person
    client: ClientInfo


class Arrivals:
    def __init__(self, transactions: Transactions[ProvidersTx], steps: SignInSteps, clock: Clock) -> None:
        self._transactions = transactions
        self._steps = steps
        self._clock = clock

    async def enter(self, provider: Provider, person: Person, client: ClientInfo) -> SignedIn | Challenge:
        """入れる。役割は、入るたびに組から決め直す。

        Raises: SsoRefusedError の子。断ったことも、役割を失ったことも、確定させてから投げる。
        """
        arrival = _Arrival(provider, person, client)
        try:
            async with self._transactions.begin() as tx:
                entered = await self._entered(tx, arrival)
                if isinstance(entered, SsoRefusedError):
                    await tx.audit.record(_refused(arrival, entered))
        except NameTakenError as exc:
            # 見てから作るまでに、ほかの人が同じ名前を取った
            raise _name_taken(person) from exc
        if isinstance(entered, SsoRefusedError):
            raise entered
        return entered

    async def link(self, user_id: UserId, person: Person, client: ClientInfo) -> None:
        """入っている人の身元として結びつける。

        Raises: IdentityTakenError, NotFoundError。
        """
        async with self._transactions.begin() as tx:
            user = await existing(tx, user_id)
            await tx.identities.add(user.id, person.issuer, person.subject, person.username)
            await tx.audit.record(
                about_identity(actor_at(user, client), "linked", user, person.issuer, person.subject)
            )

    async def _entered(self, tx: ProvidersTx, arrival: _Arrival) -> SignedIn | Challenge | SsoRefusedError:
        settings, client = arrival.provider.settings, arrival.client
        identity = await tx.identities.find(arrival.person.issuer, arrival.person.subject)
        if identity is None:
            user = await self._newcomer(tx, arrival)
        else:
            user = await self._returning(tx, arrival, identity)
        if isinstance(user, SsoRefusedError):
            return user
        if settings.trusts_second_factor:
            factors = (FirstFactor.PROVIDER, settings.name)
            return await self._steps.enter(tx, user, client, *factors, vouched=True)
        return await self._steps.after_first(tx, user, client, FirstFactor.PROVIDER)

    async def _newcomer(self, tx: ProvidersTx, arrival: _Arrival) -> User | SsoRefusedError:
        settings, person = arrival.provider.settings, arrival.person
        mapped = roles_for(settings, person.groups)
        if not settings.creates_users:
            return SsoNoAccountError("No user is linked to this account.", params={"subject": person.subject})
        if mapped.gives_nothing:
            return _no_role()
        errors = FieldErrors()
        suggested = _NOT_IN_NAMES.sub("-", person.username.strip())[:_LONGEST_NAME]
        username = checked_username("username", suggested, errors)
        errors.raise_if_any()
        if await tx.users.find_for_login(username) is not None:
            return _name_taken(person)
        project_roles = {place: role for place, role in mapped.project_roles.items() if role is not None}
        added = await tx.users.add(NewUser(username, None, mapped.role, project_roles=project_roles))
        identity = await tx.identities.add(added.id, person.issuer, person.subject, person.username)
        await tx.identities.used(identity, identity.label, self._clock.now())
        await tx.audit.record(_created(arrival, added))
        return added

    async def _returning(
        self, tx: ProvidersTx, arrival: _Arrival, identity: LinkedIdentity
    ) -> User | SsoRefusedError:
        user = await existing(tx, identity.user_id)
        if user.disabled_at is not None:
            return SsoDisabledError("This user has been disabled.")
        await tx.identities.used(identity, arrival.person.username, self._clock.now())
        if await tx.users.password_hash_of(user.id) is not None:
            # パスワードを持つ人の役割は、管理者が決めたまま。提供者の側の間違いで、管理者を失わないように
            return user
        changed = await self._mapped(tx, arrival, user)
        actor = changed.as_actor()
        return _no_role() if actor.role is None and not actor.project_roles else changed

    async def _mapped(self, tx: ProvidersTx, arrival: _Arrival, user: User) -> User:
        """役割を組のとおりにした、その人。"""
        mapped = roles_for(arrival.provider.settings, arrival.person.groups)
        if mapped.manages_role:
            await tx.users.set_role(user.id, mapped.role)
        await tx.mapped_roles.set_project_roles(user.id, mapped.project_roles)
        changed = await existing(tx, user.id)
        before, after = user.as_actor(), changed.as_actor()
        changes = {
            name: {"from": old, "to": new}
            for name, old, new in (
                ("role", before.role, after.role),
                ("project_roles", dict(before.project_roles), dict(after.project_roles)),
            )
            if old != new
        }
        if changes:
            await tx.audit.record(_about(arrival, changed, "user.roles_mapped", {"changes": changes}))
        return changed


def _no_role() -> SsoNoRoleError:
    return SsoNoRoleError("None of your groups has a role here.")


def _name_taken(person: Person) -> SsoNameTakenError:
    return SsoNameTakenError(
        f"A user named {person.username} already exists.",
        params={"name": person.username, "subject": person.subject},
    )


def _created(arrival: _Arrival, user: User) -> AuditEvent:
    person = arrival.person
    details = {
        "role": user.role,
        "provider": arrival.provider.settings.name,
        "issuer": person.issuer,
        "subject": person.subject,
    }
    return _about(arrival, user, "user.created", details)


def _about(arrival: _Arrival, user: User, action: str, details: Mapping[str, object]) -> AuditEvent:
    return AuditEvent(
        actor=actor_at(user, arrival.client),
        action=action,
        subject_type="user",
        subject_id=user.id,
        subject_name=user.username,
        details=details,
    )


def _refused(arrival: _Arrival, refusal: SsoRefusedError) -> AuditEvent:
    person = arrival.person
    return AuditEvent(
        actor=Actor(user_id=None, name=person.username, role=None, address=arrival.client.address),
        action="user.sign_in_refused",
        subject_type="identity_provider",
        subject_id=arrival.provider.id,
        subject_name=arrival.provider.settings.name,
        details={"reason": refusal.code, "issuer": person.issuer, "subject": person.subject},
        outcome=Outcome.REFUSED,
    )
