"""サーバの用件: 加える、直す、消す、探す。"""

from collections.abc import Sequence
from dataclasses import fields

from tsubame.business.audit.changes import changes
from tsubame.business.credentials.entities import CredentialKind
from tsubame.business.credentials.errors import CredentialNotFoundError
from tsubame.business.servers.drafts import checked_server
from tsubame.business.servers.entities import Server
from tsubame.business.servers.events import server_event
from tsubame.business.servers.jumps import check_jump
from tsubame.business.servers.ports import Connections, ServerDraft, ServerFilter, ServersTx
from tsubame.business.servers.selection import SelectableServer, parse_selector, select_servers
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import DEFAULT_PROJECT, ServerId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions


class ServerService:
    def __init__(self, transactions: Transactions[ServersTx], connections: Connections) -> None:
        self._transactions = transactions
        self._connections = connections

    async def page(self, actor: Actor, where: ServerFilter, request: PageRequest) -> Page[Server]:
        actor.require(Permission.SERVER_READ)
        async with self._transactions.begin() as tx:
            return await tx.servers.page(where, request)

    async def tags(self, actor: Actor) -> list[str]:
        actor.require(Permission.SERVER_READ)
        async with self._transactions.begin() as tx:
            return await tx.servers.all_tags()

    async def resolve(
        self, actor: Actor, server_ids: Sequence[ServerId], selector: str | None
    ) -> list[SelectableServer]:
        """名指しと札の式に、今当てはまるサーバ。始める前に見せるため。

        Raises: InvalidInputError(読めない式)。
        """
        actor.require(Permission.SERVER_READ)
        chosen = None if selector is None or not selector.strip() else parse_selector(selector)
        async with self._transactions.begin() as tx:
            return select_servers(server_ids, chosen, await tx.selection.everyone())

    async def get(self, actor: Actor, server_id: ServerId) -> Server:
        """Raises: ServerNotFoundError。"""
        actor.require(Permission.SERVER_READ)
        async with self._transactions.begin() as tx:
            return await tx.servers.get(server_id)

    async def create(self, actor: Actor, draft: ServerDraft) -> Server:
        """Raises: InvalidInputError, NameTakenError, JumpTooDeepError。"""
        actor.require(Permission.SERVER_WRITE)
        draft = checked_server(draft)
        try:
            async with self._transactions.begin() as tx:
                await _check_sudo_credential(tx, draft)
                await check_jump(tx, None, draft)
                server = await tx.servers.add(DEFAULT_PROJECT, draft)
                details: dict[str, object] = {"changes": changes({}, _recorded(draft))}
                await tx.audit.record(server_event(actor, "server.created", server, details))
                await tx.signals.send(SignalKind.SERVER, [server.id])
        except CredentialNotFoundError as exc:
            raise _unknown_credential() from exc
        return server

    async def update(
        self, actor: Actor, server_id: ServerId, draft: ServerDraft, expected_version: int | None
    ) -> Server:
        """直す。

        Raises:
            InvalidInputError, NameTakenError, VersionConflictError, ServerNotFoundError,
            JumpLoopError, JumpTooDeepError。
        """
        actor.require(Permission.SERVER_WRITE)
        draft = checked_server(draft)
        try:
            async with self._transactions.begin() as tx:
                before = await tx.servers.get(server_id)
                await _check_sudo_credential(tx, draft)
                await check_jump(tx, server_id, draft)
                server = await tx.servers.replace(server_id, draft, expected_version)
                details: dict[str, object] = {"changes": changes(_recorded(before), _recorded(draft))}
                await tx.audit.record(server_event(actor, "server.updated", server, details))
                await tx.signals.send(SignalKind.SERVER, [server_id])
                if before.max_parallel != draft.max_parallel:
                    # 広がった枠を待っている対象を、すぐ始めるため
                    await tx.signals.send(SignalKind.QUEUE, [0])
        except CredentialNotFoundError as exc:
            raise _unknown_credential() from exc
        await self._connections.forget(server_id)
        return server

    async def delete(self, actor: Actor, server_id: ServerId) -> None:
        """Raises: ServerInUseError, ServerIsJumpError, ServerBusyRunningError, ServerNotFoundError。"""
        actor.require(Permission.SERVER_WRITE)
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(server_id)
            await tx.servers.delete(server_id)
            details: dict[str, object] = {"changes": changes(_recorded(server), {})}
            await tx.audit.record(server_event(actor, "server.deleted", server, details))
            await tx.signals.send(SignalKind.SERVER, [server_id])
        await self._connections.forget(server_id)


def _recorded(server: Server | ServerDraft) -> dict[str, object]:
    """監査に残す項目。人が決めるものだけ。"""
    return {field.name: getattr(server, field.name) for field in fields(ServerDraft)}


async def _check_sudo_credential(tx: ServersTx, draft: ServerDraft) -> None:
    if draft.sudo_credential_id is None:
        return
    field = "sudo_credential_id"
    try:
        credential = await tx.credentials.get(draft.sudo_credential_id)
    except CredentialNotFoundError as exc:
        raise InvalidInputError.one(
            field, "credential_not_found", "This credential does not exist any more."
        ) from exc
    if credential.kind is not CredentialKind.PASSWORD:
        raise InvalidInputError.one(field, "credential_not_password", "sudo needs a password, not a key.")


def _unknown_credential() -> InvalidInputError:
    return InvalidInputError.one(
        "credential_id", "credential_not_found", "This credential does not exist any more."
    )
