from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import (
    ColumnClause,
    Row,
    case,
    delete,
    false,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.credentials.entities import CredentialKind
from tsubame.business.credentials.errors import CredentialNotFoundError
from tsubame.business.credentials.ports import SealedCredential
from tsubame.business.executions.states import ENDED, TargetState
from tsubame.business.projects.errors import ProjectNotFoundError
from tsubame.business.servers.entities import HostKey, JumpServer, Server, ServerDisk, SshOptions
from tsubame.business.servers.errors import (
    ServerBusyRunningError,
    ServerInUseError,
    ServerIsJumpError,
    ServerNotFoundError,
)
from tsubame.business.servers.ports import ServerDraft, ServerFilter, ServerOrder, ServersWithLogins
from tsubame.business.shared.errors import DomainError, NameTakenError, VersionConflictError
from tsubame.business.shared.ids import CredentialId, ProjectId, Reach, ServerId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.db.paging import contains, page_by_name, page_by_size
from tsubame.data_access.db.scope import hidden, within
from tsubame.data_access.tables.credentials import credentials
from tsubame.data_access.tables.executions import targets
from tsubame.data_access.tables.jobs import job_servers, jobs
from tsubame.data_access.tables.servers import server_disk, servers

_UNFINISHED: Final = tuple(state for state in TargetState if state not in ENDED)
_SUDO: Final = credentials.alias("sudo_credentials")
# 途中で通る踏み台を、こちらに近い順に並べる。業務が輪を断るが、ここでも深さで必ず止める
_JUMP_PATH: Final[ColumnClause[Any]] = literal_column(
    """(
        WITH RECURSIVE hops AS (
            SELECT id, name, jump_server_id, 1 AS depth
            FROM servers AS jump WHERE jump.id = servers.jump_server_id
            UNION ALL
            SELECT jump.id, jump.name, jump.jump_server_id, depth + 1
            FROM servers AS jump JOIN hops ON jump.id = hops.jump_server_id WHERE depth < 32
        )
        SELECT coalesce(jsonb_agg(jsonb_build_array(id, name) ORDER BY depth DESC), '[]') FROM hops
    )""",
    JSONB,
)
_DISK: Final = ("used_bytes", "orphan_runs", "free_bytes", "total_bytes", "measured_at")
_SELECT: Final = (
    select(
        servers,
        credentials.c.name.label("credential_name"),
        _SUDO.c.name.label("sudo_credential_name"),
        _JUMP_PATH.label("jump_path"),
        *(server_disk.c[name] for name in _DISK),
    )
    .join(credentials, credentials.c.id == servers.c.credential_id)
    .outerjoin(_SUDO, _SUDO.c.id == servers.c.sudo_credential_id)
    .outerjoin(server_disk, server_disk.c.server_id == servers.c.id)
)
_LOGIN: Final = ("kind", "sealed", "version")
_CONNECT: Final = _SELECT.add_columns(
    *(credentials.c[name].label(f"login_{name}") for name in _LOGIN),
    *(_SUDO.c[name].label(f"sudo_{name}") for name in _LOGIN),
)
_DEPTH_BEHIND: Final = text("""
    WITH RECURSIVE behind AS (
        SELECT id, 1 AS depth FROM servers WHERE jump_server_id = :server_id
        UNION ALL
        SELECT servers.id, depth + 1 FROM servers JOIN behind ON servers.jump_server_id = behind.id
        WHERE depth < 32
    )
    SELECT coalesce(max(depth), 0) FROM behind
""")


class SqlServerRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, project_id: ProjectId, draft: ServerDraft) -> Server:
        statement = insert(servers).values(project_id=project_id, **_columns(draft)).returning(servers.c.id)
        with translated(_refusals(draft)):
            added = await self._connection.execute(statement)
        return await self.get(ServerId(added.scalar_one()))

    async def replace(self, server_id: ServerId, draft: ServerDraft, expected_version: int | None) -> Server:
        same_address = (servers.c.host == draft.host) & (servers.c.port == draft.port)
        # あて先が変われば別の相手かもしれない。前の相手の鍵も、試験の結果も持ち越さない
        kept = {
            name: case((same_address, servers.c[name]), else_=None)
            for name in (*_key_columns("pinned", None), *_key_columns("offered", None))
        }
        statement = (
            update(servers)
            .where(servers.c.id == server_id)
            .values(updated_at=func.now(), version=servers.c.version + 1, **kept, **_columns(draft))
            .returning(servers.c.id)
        )
        if expected_version is not None:
            statement = statement.where(servers.c.version == expected_version)
        with translated(_refusals(draft)):
            changed = (await self._connection.execute(statement)).scalar_one_or_none()
        server = await self.get(server_id)
        if changed is None:
            raise VersionConflictError
        return server

    async def get(self, server_id: ServerId, reach: Reach = None) -> Server:
        query = _SELECT.where(servers.c.id == server_id, within(servers.c.project_id, reach))
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise _not_found(server_id)
        return _server(row)

    async def with_logins(self, server_ids: Sequence[ServerId]) -> ServersWithLogins:
        found = await self._connection.execute(_CONNECT.where(servers.c.id == func.any(list(server_ids))))
        rows = found.all()
        sealed = {
            CredentialId(row.credential_id): _sealed(row.login_kind, row.login_sealed, row.login_version)
            for row in rows
        } | {
            CredentialId(row.sudo_credential_id): _sealed(row.sudo_kind, row.sudo_sealed, row.sudo_version)
            for row in rows
            if row.sudo_credential_id is not None
        }
        return ServersWithLogins({ServerId(row.id): _server(row) for row in rows}, sealed)

    async def page(self, where: ServerFilter, reach: Reach, request: PageRequest) -> Page[Server]:
        query = _SELECT.where(within(servers.c.project_id, reach))
        if where.project_id is not None:
            query = query.where(servers.c.project_id == where.project_id)
        if where.query:
            searched = (servers.c.name, servers.c.host, servers.c.description)
            query = query.where(contains(where.query, *searched))
        if any("\0" in tag for tag in where.tags):
            # PostgreSQL は NUL を文字として受け取れない。そんな札もない
            query = query.where(false())
        elif where.tags:
            query = query.where(servers.c.tags.contains(list(where.tags)))
        if where.order is ServerOrder.RUN_FILES:
            used = case((server_disk.c.measured_at.is_not(None), server_disk.c.used_bytes), else_=-1)
            return await page_by_size(self._connection, query, (used, servers.c.id), request, _server)
        return await page_by_name(self._connection, query, (servers.c.name, servers.c.id), request, _server)

    async def all_tags(self, reach: Reach) -> list[str]:
        tag = func.unnest(servers.c.tags).label("tag")
        query = select(tag).where(within(servers.c.project_id, reach)).distinct().order_by(tag)
        return list((await self._connection.execute(query)).scalars())

    async def hidden(self, ids: Sequence[int], reach: Reach) -> frozenset[int]:
        return await hidden(self._connection, servers, ids, reach)

    async def delete(self, server_id: ServerId) -> None:
        # 先に行を鎖す。鎖したあとは、このサーバを使うジョブも対象も増えない
        await self._connection.execute(
            select(servers.c.id).where(servers.c.id == server_id).with_for_update()
        )
        used = await self._connection.execute(
            select(jobs.c.name)
            .join(job_servers, job_servers.c.job_id == jobs.c.id)
            .where(job_servers.c.server_id == server_id)
            .order_by(jobs.c.name)
        )
        names = list(used.scalars())
        if names:
            raise ServerInUseError(names)
        behind = await self._connection.execute(
            select(servers.c.name).where(servers.c.jump_server_id == server_id).order_by(servers.c.name)
        )
        behind_names = list(behind.scalars())
        if behind_names:
            raise ServerIsJumpError(behind_names)
        unfinished = await self._connection.execute(
            select(func.count())
            .select_from(targets)
            .where(targets.c.server_id == server_id, targets.c.state.in_(_UNFINISHED))
        )
        count = unfinished.scalar_one()
        if count:
            raise ServerBusyRunningError(count)
        deleted = await self._connection.execute(
            delete(servers).where(servers.c.id == server_id).returning(servers.c.id)
        )
        if deleted.scalar_one_or_none() is None:
            raise _not_found(server_id)

    async def hold_jumps(self) -> None:
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("servers.jump"))))

    async def jump_path_through(self, server_id: ServerId) -> tuple[JumpServer, ...]:
        jump = await self.get(server_id)
        return (*jump.jump_path, JumpServer(jump.id, jump.name))

    async def depth_behind(self, server_id: ServerId) -> int:
        found = await self._connection.execute(_DEPTH_BEHIND, {"server_id": server_id})
        return int(found.scalar_one())

    async def offer_host_key(self, server_id: ServerId, key: HostKey) -> None:
        # 前と同じ知らせは書かない。何度も試すたびに行を書き換えないため
        pinned_already = servers.c.pinned_key.is_not_distinct_from(key.public_key)
        values = {
            name: case((pinned_already, None), else_=value)
            for name, value in _key_columns("offered", key).items()
        }
        await self._connection.execute(update(servers).where(servers.c.id == server_id).values(values))

    async def pin_host_key(self, server_id: ServerId, key: HostKey) -> None:
        values = {**_key_columns("pinned", key), **_key_columns("offered", None)}
        await self._connection.execute(update(servers).where(servers.c.id == server_id).values(values))

    async def record_test(self, server_id: ServerId, reason: str) -> None:
        await self._connection.execute(
            update(servers)
            .where(servers.c.id == server_id)
            .values(last_test_at=func.now(), last_test_reason=reason)
        )

    async def existing(self, project_id: ProjectId, server_ids: Sequence[ServerId]) -> frozenset[ServerId]:
        # 挿し込むまでのあいだに消されないよう、消す側と取り合う鎖をかける
        found = await self._connection.execute(
            select(servers.c.id)
            .where(servers.c.project_id == project_id, servers.c.id.in_(server_ids))
            .with_for_update(key_share=True, read=True)
        )
        return frozenset(ServerId(server_id) for server_id in found.scalars())


def _not_found(server_id: ServerId) -> ServerNotFoundError:
    return ServerNotFoundError(f"There is no server {server_id}.")


def _refusals(draft: ServerDraft) -> dict[str, DomainError]:
    return {
        "uq_servers_project_id_name": NameTakenError(draft.name),
        "fk_servers_project_id": ProjectNotFoundError(),
        "fk_servers_credential_id": CredentialNotFoundError("The credential was deleted just now."),
        "fk_servers_sudo_credential_id": CredentialNotFoundError("The credential was deleted just now."),
    }


def _columns(draft: ServerDraft) -> dict[str, object]:
    return {
        "name": draft.name,
        "description": draft.description,
        "host": draft.host,
        "port": draft.port,
        "username": draft.username,
        "credential_id": draft.credential_id,
        "tags": list(draft.tags),
        "run_directory": draft.run_directory,
        "jump_server_id": draft.jump_server_id,
        "sudo_user": draft.sudo_user,
        "sudo_credential_id": draft.sudo_credential_id,
        "ssh_options": asdict(draft.ssh_options),
        "max_parallel": draft.max_parallel,
    }


def _key_columns(prefix: str, key: HostKey | None) -> dict[str, str | None]:
    return {
        f"{prefix}_algorithm": None if key is None else key.algorithm,
        f"{prefix}_key": None if key is None else key.public_key,
        f"{prefix}_fingerprint": None if key is None else key.fingerprint,
    }


def _key(algorithm: str | None, public_key: str | None, fingerprint: str | None) -> HostKey | None:
    if algorithm is None or public_key is None or fingerprint is None:
        return None
    return HostKey(algorithm, public_key, fingerprint)


def _sealed(kind: str, sealed: str, version: int) -> SealedCredential:
    return SealedCredential(CredentialKind(kind), sealed, version)


def _server(row: Row[*tuple[Any, ...]]) -> Server:
    return Server(
        id=ServerId(row.id),
        project_id=ProjectId(row.project_id),
        name=row.name,
        description=row.description,
        host=row.host,
        port=row.port,
        username=row.username,
        credential_id=CredentialId(row.credential_id),
        credential_name=row.credential_name,
        tags=tuple(row.tags),
        run_directory=row.run_directory,
        jump_server_id=row.jump_server_id,
        jump_path=tuple(JumpServer(ServerId(jump_id), name) for jump_id, name in row.jump_path),
        sudo_user=row.sudo_user,
        sudo_credential_id=row.sudo_credential_id,
        sudo_credential_name=row.sudo_credential_name,
        ssh_options=SshOptions(**row.ssh_options),
        max_parallel=row.max_parallel,
        pinned_key=_key(row.pinned_algorithm, row.pinned_key, row.pinned_fingerprint),
        offered_key=_key(row.offered_algorithm, row.offered_key, row.offered_fingerprint),
        last_test_at=row.last_test_at,
        last_test_reason=row.last_test_reason,
        disk=None if row.measured_at is None else ServerDisk(**{name: getattr(row, name) for name in _DISK}),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
