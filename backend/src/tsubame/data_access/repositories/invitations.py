from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.ids import InvitationId, ProjectId, UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import Invitation
from tsubame.business.users.ports import NewInvitation
from tsubame.data_access.tables.users import invitations

_COLUMNS = (
    invitations.c.id,
    invitations.c.role,
    invitations.c.project_roles,
    invitations.c.note,
    invitations.c.created_at,
    invitations.c.created_by_name,
    invitations.c.expires_at,
)


class SqlInvitationRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewInvitation) -> Invitation:
        values = {
            "token_hash": new.token_hash,
            "role": new.role,
            "project_roles": {str(project): role for project, role in new.project_roles.items()},
            "note": new.note,
            "created_by": new.created_by,
            "created_by_name": new.created_by_name,
            "expires_at": new.expires_at,
        }
        added = await self._connection.execute(insert(invitations).values(values).returning(*_COLUMNS))
        return _invitation(added.one())

    async def everyone(self) -> list[Invitation]:
        rows = await self._connection.execute(select(*_COLUMNS).order_by(invitations.c.id.desc()))
        return [_invitation(row) for row in rows]

    async def find_by_token(self, token_hash: bytes) -> Invitation | None:
        query = select(*_COLUMNS).where(invitations.c.token_hash == token_hash)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _invitation(row)

    async def take(self, token_hash: bytes, now: datetime) -> Invitation | None:
        taken = await self._connection.execute(
            delete(invitations)
            .where(invitations.c.token_hash == token_hash, invitations.c.expires_at > now)
            .returning(*_COLUMNS)
        )
        row = taken.one_or_none()
        return None if row is None else _invitation(row)

    async def delete(self, invitation_id: InvitationId) -> Invitation | None:
        deleted = await self._connection.execute(
            delete(invitations).where(invitations.c.id == invitation_id).returning(*_COLUMNS)
        )
        row = deleted.one_or_none()
        return None if row is None else _invitation(row)

    async def delete_made_by(self, user_id: UserId) -> None:
        await self._connection.execute(delete(invitations).where(invitations.c.created_by == user_id))

    async def delete_expired(self, before: datetime) -> None:
        await self._connection.execute(delete(invitations).where(invitations.c.expires_at <= before))


def _invitation(row: Row[*tuple[Any, ...]]) -> Invitation:
    return Invitation(
        id=InvitationId(row.id),
        role=None if row.role is None else Role(row.role),
        project_roles={ProjectId(int(project)): Role(role) for project, role in row.project_roles.items()},
        note=row.note,
        created_at=row.created_at,
        created_by_name=row.created_by_name,
        expires_at=row.expires_at,
    )
