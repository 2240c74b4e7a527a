from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.credentials.entities import Credential, CredentialKind, PublicKey
from tsubame.business.credentials.errors import CredentialInUseError, CredentialNotFoundError
from tsubame.business.credentials.ports import (
    CredentialFilter,
    CredentialRow,
    SealedCredential,
    SecretColumns,
)
from tsubame.business.projects.errors import ProjectNotFoundError
from tsubame.business.shared.errors import NameTakenError, VersionConflictError
from tsubame.business.shared.ids import CredentialId, ProjectId, Reach
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.db.paging import contains, page_by_name
from tsubame.data_access.db.scope import hidden, within
from tsubame.data_access.tables.credentials import credentials
from tsubame.data_access.tables.servers import servers

_NAME_CONSTRAINT = "uq_credentials_project_id_name"
_NEXT_ID = text("SELECT nextval(pg_get_serial_sequence('credentials', 'id'))")
_USED_BY = (
    select(func.count())
    .select_from(servers)
    .where(or_(servers.c.credential_id == credentials.c.id, servers.c.sudo_credential_id == credentials.c.id))
    .scalar_subquery()
    .label("server_count")
)
# 暗号文は、開くとき(sealed)にだけ読む
_COLUMNS = (*(column for column in credentials.c if column.name != "sealed"), _USED_BY)


class SqlCredentialRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_id(self) -> CredentialId:
        return CredentialId((await self._connection.execute(_NEXT_ID)).scalar_one())

    async def add(self, row: CredentialRow) -> None:
        values = {"id": row.id, "project_id": row.project_id, "name": row.name, **_columns(row.secret)}
        refusals = {
            _NAME_CONSTRAINT: NameTakenError(row.name),
            "fk_credentials_project_id": ProjectNotFoundError(),
        }
        with translated(refusals):
            await self._connection.execute(insert(credentials).values(values))

    async def replace(
        self,
        credential_id: CredentialId,
        name: str,
        secret: SecretColumns | None,
        expected_version: int | None,
    ) -> None:
        statement = (
            update(credentials)
            .where(credentials.c.id == credential_id)
            .values(
                name=name,
                updated_at=func.now(),
                version=credentials.c.version + 1,
                **({} if secret is None else _columns(secret)),
            )
            .returning(credentials.c.id)
        )
        if expected_version is not None:
            statement = statement.where(credentials.c.version == expected_version)
        with translated({_NAME_CONSTRAINT: NameTakenError(name)}):
            changed = (await self._connection.execute(statement)).scalar_one_or_none()
        if changed is None:
            await self.get(credential_id)
            raise VersionConflictError

    async def get(self, credential_id: CredentialId, reach: Reach = None) -> Credential:
        query = select(*_COLUMNS).where(
            credentials.c.id == credential_id, within(credentials.c.project_id, reach)
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise _not_found(credential_id)
        return _credential(row)

    async def sealed_of(self, credential_id: CredentialId) -> SealedCredential:
        found = await self.sealed([credential_id])
        if not found:
            raise _not_found(credential_id)
        return found[credential_id]

    async def sealed(self, credential_ids: Sequence[CredentialId]) -> dict[CredentialId, SealedCredential]:
        found = await self._connection.execute(
            select(credentials.c.id, credentials.c.kind, credentials.c.sealed, credentials.c.version).where(
                credentials.c.id == func.any(list(credential_ids))
            )
        )
        return {
            CredentialId(row.id): SealedCredential(CredentialKind(row.kind), row.sealed, row.version)
            for row in found
        }

    async def page(self, where: CredentialFilter, reach: Reach, request: PageRequest) -> Page[Credential]:
        found = select(*_COLUMNS).where(within(credentials.c.project_id, reach))
        if where.project_id is not None:
            found = found.where(credentials.c.project_id == where.project_id)
        if where.query:
            found = found.where(contains(where.query, credentials.c.name))
        return await page_by_name(
            self._connection, found, (credentials.c.name, credentials.c.id), request, _credential
        )

    async def hidden(self, ids: Sequence[int], reach: Reach) -> frozenset[int]:
        return await hidden(self._connection, credentials, ids, reach)

    async def delete(self, credential_id: CredentialId) -> None:
        # 先に行を鎖す。鎖したあとは、この認証情報を使うサーバが増えない
        await self._connection.execute(
            select(credentials.c.id).where(credentials.c.id == credential_id).with_for_update()
        )
        users = await self._connection.execute(
            select(servers.c.name)
            .where(
                or_(servers.c.credential_id == credential_id, servers.c.sudo_credential_id == credential_id)
            )
            .order_by(servers.c.name)
        )
        names = list(users.scalars())
        if names:
            raise CredentialInUseError(names)
        deleted = await self._connection.execute(
            delete(credentials).where(credentials.c.id == credential_id).returning(credentials.c.id)
        )
        if deleted.scalar_one_or_none() is None:
            raise _not_found(credential_id)


def _not_found(credential_id: CredentialId) -> CredentialNotFoundError:
    return CredentialNotFoundError(f"There is no credential {credential_id}.")


def _columns(secret: SecretColumns) -> dict[str, object]:
    key = secret.public_key
    return {
        "kind": secret.kind,
        "public_key_algorithm": None if key is None else key.algorithm,
        "public_key_line": None if key is None else key.line,
        "public_key_fingerprint": None if key is None else key.fingerprint,
        "has_passphrase": secret.has_passphrase,
        "sealed": secret.sealed,
    }


def _credential(row: Row[*tuple[Any, ...]]) -> Credential:
    key = None
    if row.public_key_line is not None:
        key = PublicKey(row.public_key_algorithm, row.public_key_line, row.public_key_fingerprint)
    return Credential(
        id=CredentialId(row.id),
        project_id=ProjectId(row.project_id),
        name=row.name,
        kind=CredentialKind(row.kind),
        public_key=key,
        has_passphrase=row.has_passphrase,
        server_count=row.server_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
