"""接続試験の用件。"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tsubame.business.servers.endpoints import EndpointService
from tsubame.business.servers.entities import TestStep, TestStepName
from tsubame.business.servers.errors import (
    ConnectionProblem,
    CredentialUnusableError,
    HostKeyChangedError,
    HostKeyUnknownError,
)
from tsubame.business.servers.events import server_event
from tsubame.business.servers.host_keys import HostKeyService
from tsubame.business.servers.ports import ConnectionTester, ServersTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import ConflictError, NotFoundError
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions

_KEY_TO_SHOW: Final = frozenset({HostKeyUnknownError.code, HostKeyChangedError.code})


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """``reason`` は最初に失敗した段の理由。全部通れば ``None``。"""

    steps: tuple[TestStep, ...]

    @property
    def failure(self) -> TestStep | None:
        return next((step for step in self.steps if step.reason is not None), None)

    @property
    def reason(self) -> str | None:
        return None if self.failure is None else self.failure.reason


class ConnectionTestService:
    def __init__(
        self,
        transactions: Transactions[ServersTx],
        endpoints: EndpointService,
        tester: ConnectionTester,
        host_keys: HostKeyService,
    ) -> None:
        self._transactions = transactions
        self._endpoints = endpoints
        self._tester = tester
        self._host_keys = host_keys

    async def run(self, actor: Actor, server_id: ServerId) -> ConnectionTest:
        """一段ずつ試し、結果を書き留める。

        Raises: ServerNotFoundError。
        """
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(server_id, actor.sight)
        actor.require(Permission.SERVER_TEST, server.project_id)
        result = ConnectionTest(tuple(await self._steps(server_id)))
        if result.failure is not None and result.failure.reason in _KEY_TO_SHOW:
            await self._offer_key(actor, result.failure.hop or server_id)
        async with self._transactions.begin() as tx:
            await tx.servers.record_test(server_id, result.reason or "")
            # 認証情報を使ってサーバに入るので、変えるものがなくても残す
            details: dict[str, object] = {"credential": server.credential_name, "reason": result.reason}
            await tx.audit.record(server_event(actor, "server.tested", server, details))
            await tx.signals.send(SignalKind.SERVER, [server_id])
        return result

    async def _steps(self, server_id: ServerId) -> list[TestStep]:
        try:
            endpoint = await self._endpoints.endpoint_of(server_id)
        except CredentialUnusableError as problem:
            name = TestStepName.LOGIN if problem.hop is None else TestStepName.JUMP
            return [TestStep(name, 0.0, problem.code, problem.detail, {}, problem.hop)]
        return await self._tester.test(endpoint)

    async def _offer_key(self, actor: Actor, server_id: ServerId) -> None:
        # 見せる鍵が取れなくても、試験の結果は変わらない
        with suppress(ConnectionProblem, ConflictError, NotFoundError):
            await self._host_keys.scan(actor, server_id)
