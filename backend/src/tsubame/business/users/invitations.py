"""招待: リンクを渡し、名前とパスワードは相手に選んでもらう。"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import InvitationId, ProjectId
from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors, checked_line
from tsubame.business.users.entities import Invitation
from tsubame.business.users.errors import InvitationInvalidError, InvitationNotFoundError
from tsubame.business.users.ports import NewInvitation, UsersTx

LONGEST: Final = timedelta(days=30)
_KEEP_EXPIRED: Final = timedelta(days=30)
"""期限の過ぎた招待を、一覧に残す期間。来なかったことに気づけるように。"""


@dataclass(frozen=True, slots=True)
class InvitationDraft:
    """これから作る招待。``note`` は、だれのための物かの覚え書き(空でよい)。"""

    role: Role | None
    project_roles: Mapping[ProjectId, Role]
    note: str
    lifetime: timedelta


class InvitationService:
    def __init__(self, transactions: Transactions[UsersTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def invite(self, actor: Actor, draft: InvitationDraft) -> tuple[Invitation, Secret]:
        """招待と、一度だけ見せるリンクの値。

        Raises: InvalidInputError。
        """
        actor.require(Permission.USER_WRITE)
        note = _checked(draft)
        token = Secret(secrets.token_urlsafe(32))
        now = self._clock.now()
        new = NewInvitation(
            token_hash=invitation_hash(token.reveal()),
            role=draft.role,
            project_roles=draft.project_roles,
            note=note,
            created_by=actor.user_id,
            created_by_name=actor.name,
            expires_at=now + draft.lifetime,
        )
        async with self._transactions.begin() as tx:
            await tx.invitations.delete_expired(now - _KEEP_EXPIRED)
            invitation = await tx.invitations.add(new)
            await tx.audit.record(_about(actor, "user.invited", invitation))
        return invitation, token

    async def everyone(self, actor: Actor) -> list[Invitation]:
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            return await tx.invitations.everyone()

    async def withdraw(self, actor: Actor, invitation_id: InvitationId) -> None:
        """取り消す。渡したリンクは、その場で使えなくなる。

        Raises: InvitationNotFoundError。
        """
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            invitation = await tx.invitations.delete(invitation_id)
            if invitation is None:
                raise InvitationNotFoundError
            await tx.audit.record(_about(actor, "user.invitation_withdrawn", invitation))

    async def look(self, token: str) -> Invitation:
        """リンクを開いた人に見せる。使わない。

        Raises: InvitationInvalidError。
        """
        async with self._transactions.look() as tx:
            invitation = await tx.invitations.find_by_token(invitation_hash(token))
        if invitation is None or invitation.expires_at <= self._clock.now():
            raise InvitationInvalidError
        return invitation


def invitation_hash(token: str) -> bytes:
    """256 ビットの乱数なので、遅いハッシュは要らない。"""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _checked(draft: InvitationDraft) -> str:
    errors = FieldErrors()
    note = checked_line("note", draft.note, errors) if draft.note.strip() else ""
    errors.raise_if_any()
    if not timedelta(0) < draft.lifetime <= LONGEST:
        raise InvalidInputError.one(
            "expires_in_hours", "out_of_range", f"An invitation lasts at most {LONGEST.days} days."
        )
    return note


def _about(actor: Actor, action: str, invitation: Invitation) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="invitation",
        subject_id=invitation.id,
        subject_name=invitation.note,
        details={
            "role": invitation.role,
            "project_roles": {str(project): role for project, role in invitation.project_roles.items()},
            "expires_at": invitation.expires_at.isoformat(),
        },
    )
