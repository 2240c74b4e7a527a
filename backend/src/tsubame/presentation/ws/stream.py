"""一本の WebSocket の一生: 名乗り → 購読 → 送り続ける。

受ける輪と送る輪を並べて走らせ、先に終わったほうがもう一方を止める。送るだけの輪では、
黙って去った読み手に気づけない。
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from fastapi import WebSocket
from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnect

from tsubame.business.audit.refusals import Refusals
from tsubame.business.auth.authenticator import Authenticator
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import (
    AuthenticationError,
    DomainError,
    PermissionDeniedError,
    UnavailableError,
)
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.business.shared.signals import SignalKind
from tsubame.presentation.http.dependencies import client_info
from tsubame.presentation.http.errors import is_refusal
from tsubame.presentation.ws.execution_subscription import ExecutionSubscription
from tsubame.presentation.ws.hub import Hub
from tsubame.presentation.ws.mailbox import Mail, Mailbox
from tsubame.presentation.ws.messages import (
    Authenticate,
    ClientMessage,
    Ping,
    Pong,
    Ready,
    StreamProblem,
    Subscribe,
    Subscribed,
    SubscribeExecution,
    SubscribeExecutions,
    SubscribeLog,
    Unsubscribe,
)
from tsubame.presentation.ws.subscription import Sources, Subscription
from tsubame.presentation.ws.subscriptions import (
    ChangesSubscription,
    ExecutionsSubscription,
    LogSubscription,
)

UNAUTHENTICATED: Final = 4401
_HANDSHAKE_S: Final = 10.0
_RECHECK_S: Final = 30.0
_SEND_S: Final = 60.0
_MOST_SUBSCRIPTIONS: Final = 100
_CLIENT_MESSAGE: Final[TypeAdapter[ClientMessage]] = TypeAdapter(ClientMessage)


@dataclass(frozen=True, slots=True)
class StreamPorts:
    authenticator: Authenticator
    refusals: Refusals
    hub: Hub
    sources: Sources


class StreamSession:
    def __init__(self, socket: WebSocket, ports: StreamPorts) -> None:
        self._socket = socket
        self._ports = ports
        self._address = client_info(socket).address
        self._token = ""
        self._actor: Actor | None = None
        self._subscriptions: dict[int, Subscription] = {}

    async def run(self) -> None:
        """つながっているあいだ続く。去られても、通行証が切れても、静かに終わる。"""
        with contextlib.suppress(WebSocketDisconnect, TimeoutError):
            try:
                async with asyncio.timeout(_HANDSHAKE_S):
                    await self._handshake()
                with self._ports.hub.mailbox() as mailbox:
                    await self._converse(mailbox)
            except (AuthenticationError, PermissionDeniedError) as problem:
                await self._refuse(None, problem)
                await self._socket.close(UNAUTHENTICATED, problem.code)

    async def _handshake(self) -> None:
        scheme, _, bearer = self._socket.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            await self._authenticate(bearer)
        else:
            message = await self._receive()
            if not isinstance(message, Authenticate):
                raise AuthenticationError("The first message must be of type 'authenticate'.")
            await self._authenticate(message.token)

    async def _authenticate(self, token: str) -> None:
        self._actor = await self._ports.authenticator.actor_from(token, self._address)
        self._token = token
        await self.send_text(Ready(type="ready").model_dump_json())

    async def _converse(self, mailbox: Mailbox) -> None:
        loops = [
            asyncio.create_task(self._receive_loop(mailbox), name="stream-receive"),
            asyncio.create_task(self._send_loop(mailbox), name="stream-send"),
            asyncio.create_task(self._recheck_loop(), name="stream-recheck"),
        ]
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            for loop in done:
                loop.result()
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _receive(self) -> ClientMessage | None:
        try:
            return _CLIENT_MESSAGE.validate_json(await self._socket.receive_text())
        except (ValidationError, KeyError) as exc:
            detail = (
                "This message is not one of the known forms."
                if isinstance(exc, ValidationError)
                else "Send text."
            )
            await self._problem(None, "invalid_message", detail)
            return None

    async def _receive_loop(self, mailbox: Mailbox) -> None:
        while True:
            match await self._receive():
                case None:
                    continue
                case Authenticate(token=token):
                    await self._authenticate(token)
                case Unsubscribe(id=subscription_id):
                    self._subscriptions.pop(subscription_id, None)
                case Ping():
                    await self.send_text(Pong(type="pong").model_dump_json())
                case request:
                    await self._subscribe(request)
                    mailbox.wake()

    async def _subscribe(self, request: Subscribe) -> None:
        if len(self._subscriptions) >= _MOST_SUBSCRIPTIONS:
            await self._problem(request.id, "too_many_subscriptions", f"At most {_MOST_SUBSCRIPTIONS}.")
            return
        try:
            subscription = await self._open(request)
        except DomainError as problem:
            await self._note_refusal(request.topic, problem)
            await self._refuse(request.id, problem)
            return
        await self.send_text(Subscribed(type="subscribed", id=request.id).model_dump_json())
        self._subscriptions[request.id] = subscription

    async def _open(self, request: Subscribe) -> Subscription:
        sources, actor = self._ports.sources, self._who()
        match request:
            case SubscribeLog():
                home = await sources.executions.home(actor, TargetId(request.target_id))
                return LogSubscription(request, home, sources)
            case SubscribeExecution():
                detail = await sources.executions.get(actor, ExecutionId(request.execution_id))
                return ExecutionSubscription(request.id, detail.execution.id, sources)
            case SubscribeExecutions():
                await sources.executions.by_ids(actor, [])
                return ExecutionsSubscription(request.id, sources)
            case _:
                sources.changes.check(actor)
                return ChangesSubscription(request.id, sources)

    async def _send_loop(self, mailbox: Mailbox) -> None:
        while True:
            waits = [due for each in self._subscriptions.values() if (due := each.due_in()) is not None]
            mail = await mailbox.take(min(waits, default=None))
            if self._concerns(mail):
                await self._recheck()
            for subscription_id, subscription in list(self._subscriptions.items()):
                subscription.notice(mail)
                if subscription.due_in() == 0.0:
                    await self._send_one(subscription_id, subscription)

    async def _send_one(self, subscription_id: int, subscription: Subscription) -> None:
        try:
            await subscription.send(self, self._who())
        except DomainError as problem:
            # 消されたか、権利を失った。この購読だけをやめる
            self._subscriptions.pop(subscription_id, None)
            await self._refuse(subscription_id, problem)

    def _concerns(self, mail: Mail) -> bool:
        """続けてよいかを、確かめ直すべき知らせか。"""
        who = self._who()
        revoked = mail.tokens and who.token is not None
        return mail.gap or revoked or (SignalKind.USER, who.user_id) in mail.rooms

    async def _recheck_loop(self) -> None:
        """通行証が切れた、または利用者が止められたら閉じる。"""
        while True:
            await asyncio.sleep(_RECHECK_S)
            await self._recheck()

    async def _recheck(self) -> None:
        # データベースに届かないあいだは、読むものもない。戻ってから確かめる
        with contextlib.suppress(UnavailableError):
            self._actor = await self._ports.authenticator.actor_from(self._token, self._address)

    def _who(self) -> Actor:
        if self._actor is None:
            raise AuthenticationError("Not authenticated.")
        return self._actor

    async def _note_refusal(self, topic: str, problem: DomainError) -> None:
        """購読を断ったことを監査に残す。WebSocket で断る道は、どれもここを通る。"""
        if is_refusal(problem):
            await self._ports.refusals.note(self._who(), f"SUBSCRIBE {topic}", topic, problem)

    async def _refuse(self, subscription_id: int | None, problem: DomainError) -> None:
        await self._problem(subscription_id, problem.code, problem.detail)

    async def _problem(self, subscription_id: int | None, code: str, detail: str) -> None:
        message = StreamProblem(type="error", id=subscription_id, code=code, detail=detail)
        await self.send_text(message.model_dump_json())

    async def send_text(self, data: str) -> None:
        # 読まない相手をいつまでも待たない。つなぎ直せば、持っている位置から続く
        async with asyncio.timeout(_SEND_S):
            await self._socket.send_text(data)

    async def send_bytes(self, data: bytes) -> None:
        async with asyncio.timeout(_SEND_S):
            await self._socket.send_bytes(data)
