"""サーバの用件: 加える、直す、消す、探す。"""

from collections.abc import Sequence
from dataclasses import fields

from tsubame.business.audit.changes import changes
from tsubame.business.credentials.entities import Credential, CredentialKind
from tsubame.business.credentials.errors import CredentialNotFoundError
from tsubame.business.projects.access import require_place
from tsubame.business.servers.drafts import checked_server
from tsubame.business.servers.entities import Server
from tsubame.business.servers.events import server_event
from tsubame.business.servers.jumps import check_jump
from tsubame.business.servers.ports import Connections, ServerDraft, ServerFilter, ServersTx
from tsubame.business.servers.selection import SelectableServer, parse_selector, select_servers
from tsubame.business.shared.actor import Actor, narrowed
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import CredentialId, ProjectId, ServerId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions


class ServerService:
    def __init__(self, transactions: Transactions[ServersTx], connections: Connections) -> None:
        self._transactions = transactions
        self._connections = connections

    async def page(self, actor: Actor, where: ServerFilter, request: PageRequest) -> Page[Server]:
        reach = actor.reach(Permission.SERVER_READ)
        async with self._transactions.begin() as tx:
            return await tx.servers.page(where, reach, request)

    async def tags(self, actor: Actor, project_id: ProjectId | None = None) -> list[str]:
        reach = narrowed(actor.reach(Permission.SERVER_READ), project_id)
        async with self._transactions.begin() as tx:
            return await tx.servers.all_tags(reach)

    async def resolve(
        self,
        actor: Actor,
        server_ids: Sequence[ServerId],
        selector: str | None,
        project_id: ProjectId | None = None,
    ) -> list[SelectableServer]:
        """名指しと札の式に、今当てはまるサーバ。始める前に見せるため。

        ``project_id`` を渡すと、そのプロジェクトのサーバからだけ選ぶ。

        Raises: InvalidInputError(読めない式)。
        """
        reach = narrowed(actor.reach(Permission.SERVER_READ), project_id)
        chosen = None if selector is None or not selector.strip() else parse_selector(selector)
        async with self._transactions.begin() as tx:
            return select_servers(server_ids, chosen, await tx.selection.everyone(reach))

    async def get(self, actor: Actor, server_id: ServerId) -> Server:
        """Raises: ServerNotFoundError。"""
        reach = actor.reach(Permission.SERVER_READ)
        async with self._transactions.begin() as tx:
            return await tx.servers.get(server_id, reach)

    async def create(self, actor: Actor, project_id: ProjectId, draft: ServerDraft) -> Server:
        """Raises: ProjectNotFoundError, InvalidInputError, NameTakenError, JumpTooDeepError。"""
        require_place(actor, Permission.SERVER_WRITE, project_id)
        draft = checked_server(draft)
        async with self._transactions.begin() as tx:
            await _check_credentials(tx, project_id, draft)
            await check_jump(tx, project_id, None, draft)
            server = await tx.servers.add(project_id, draft)
            details: dict[str, object] = {"changes": changes({}, _recorded(draft))}
            await tx.audit.record(server_event(actor, "server.created", server, details))
            await tx.signals.send(SignalKind.SERVER, [server.id])
        return server

    async def update(
        self, actor: Actor, server_id: ServerId, draft: ServerDraft, expected_version: int | None
    ) -> Server:
        """直す。

        Raises:
            InvalidInputError, NameTakenError, VersionConflictError, ServerNotFoundError,
            JumpLoopError, JumpTooDeepError。
        """
        async with self._transactions.begin() as tx:
            before = await _get_to_write(tx, actor, server_id)
            draft = checked_server(draft)
            await _check_credentials(tx, before.project_id, draft)
            await check_jump(tx, before.project_id, server_id, draft)
            server = await tx.servers.replace(server_id, draft, expected_version)
            details: dict[str, object] = {"changes": changes(_recorded(before), _recorded(draft))}
            await tx.audit.record(server_event(actor, "server.updated", server, details))
            await tx.signals.send(SignalKind.SERVER, [server_id])
            if before.max_parallel != draft.max_parallel:
                # 広がった枠を待っている対象を、すぐ始めるため
                await tx.signals.send(SignalKind.QUEUE, [0])
        await self._connections.forget(server_id)
        return server

    async def delete(self, actor: Actor, server_id: ServerId) -> None:
        """Raises: ServerInUseError, ServerIsJumpError, ServerBusyRunningError, ServerNotFoundError。"""
        async with self._transactions.begin() as tx:
            server = await _get_to_write(tx, actor, server_id)
            await tx.servers.delete(server_id)
            details: dict[str, object] = {"changes": changes(_recorded(server), {})}
            await tx.audit.record(server_event(actor, "server.deleted", server, details))
            await tx.signals.send(SignalKind.SERVER, [server_id])
        await self._connections.forget(server_id)


def _recorded(server: Server | ServerDraft) -> dict[str, object]:
    """監査に残す項目。人が決めるものだけ。"""
    return {field.name: getattr(server, field.name) for field in fields(ServerDraft)}


async def _get_to_write(tx: ServersTx, actor: Actor, server_id: ServerId) -> Server:
    """Raises: ServerNotFoundError, PermissionDeniedError。"""
    server = await tx.servers.get(server_id, actor.sight)
    actor.require(Permission.SERVER_WRITE, server.project_id)
    return server


async def _check_credentials(tx: ServersTx, project_id: ProjectId, draft: ServerDraft) -> None:
    """同じプロジェクトの認証情報だけを使う。Raises: InvalidInputError。"""
    await _credential(tx, project_id, draft.credential_id, "credential_id")
    if draft.sudo_credential_id is not None:
        field = "sudo_credential_id"
        credential = await _credential(tx, project_id, draft.sudo_credential_id, field)
        if credential.kind is not CredentialKind.PASSWORD:
            raise InvalidInputError.one(field, "credential_not_password", "sudo needs a password, not a key.")


async def _credential(
    tx: ServersTx, project_id: ProjectId, credential_id: CredentialId, field: str
) -> Credential:
    try:
        return await tx.credentials.get(credential_id, frozenset({project_id}))
    except CredentialNotFoundError as exc:
        raise InvalidInputError.one(
            field, "credential_not_found", "There is no such credential in this project."
        ) from exc
