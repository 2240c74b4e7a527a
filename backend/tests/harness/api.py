"""本物のアプリケーションへ、本物の PostgreSQL の上で話しかける客。"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp

from tsubame.business.auth.entities import Session
from tsubame.business.auth.setup import SetupService
from tsubame.business.shared.ids import SessionId
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import User
from tsubame.business.users.ports import NewUser
from tsubame.data_access.crypto.tokens import JwtAccessTokens
from tsubame.data_access.db.signal_bus import PostgresSignalBus
from tsubame.data_access.logstore.objects import ObjectPlaces
from tsubame.data_access.outgoing.addresses import Allowed
from tsubame.data_access.outgoing.http import OutgoingHttp
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.transactions import SqlTransactions
from tsubame.entrypoints.data_directory import new_encryption_key
from tsubame.entrypoints.http_app import create_http_app
from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.wiring import Foundation, http_services, stream_ports
from tsubame.presentation.http.services import HttpServices

BASE = "http://tsubame.test"


class MovableClock:
    """進めたいだけ進む時計。"""

    def __init__(self) -> None:
        self._shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift

    def advance(self, **amount: float) -> None:
        self._shift += timedelta(**amount)


class Api:
    """一つの設置。``client`` で人として話す。"""

    def __init__(
        self, engine: AsyncEngine, database_url: str, directory: Path, outgoing_allowed: tuple[str, ...] = ()
    ) -> None:
        """``directory`` の下の dist が画面、data がデータの置き場。"""
        self.clock = MovableClock()
        self.keys = (new_encryption_key(),)
        self.ssh = SshGateway()
        settings = Settings(data_dir=directory / "data", outgoing_allowed=outgoing_allowed)
        queue = create_queue_app(database_url, "tsubame-test")
        self.transactions = SqlTransactions(engine, queue)
        self.foundation = Foundation(
            url=database_url,
            engine=engine,
            queue=queue,
            transactions=self.transactions,
            bus=PostgresSignalBus(database_url),
            ssh=self.ssh,
            keys=self.keys,
            clock=self.clock,
            places=ObjectPlaces(settings.archive_location),
            outgoing=OutgoingHttp(Allowed.parse(settings.outgoing_allowed)),
        )
        self.services = http_services(self.foundation, settings)
        self._screens = directory / "dist"
        self.app = self.app_of(self.services)

    def app_of(self, services: HttpServices) -> ASGIApp:
        return create_http_app(services, stream_ports(self.foundation, services), self._screens)

    @property
    def setup(self) -> SetupService:
        return self.services.setup

    @asynccontextmanager
    async def anonymous(
        self, app: ASGIApp | None = None, address: str = "127.0.0.1"
    ) -> AsyncIterator[httpx.AsyncClient]:
        """ログインしていない客。道は ``/api/v1`` から先を書く。``address`` は、客のいる所。"""
        transport = httpx.ASGITransport(app=app or self.app, client=(address, 123))
        async with httpx.AsyncClient(transport=transport, base_url=f"{BASE}/api/v1") as client:
            yield client

    async def add_user(self, role: Role | None, name: str | None = None) -> User:
        """パスワードでは入れない利用者(ハッシュの計算を省く)。"""
        async with self.transactions.begin() as tx:
            user = await tx.users.add(NewUser(name or f"{role}-user", "no-password", role))
            now = self.clock.now()
            # ``token_of`` の通行証が指す、終わらないログイン
            await tx.sessions.add(
                Session(session_of(user), user.id, now, now, now + timedelta(days=365), None, "", "test")
            )
        return user

    def token_of(self, user: User) -> str:
        """``add_user`` の人の通行証。"""
        return JwtAccessTokens(self.keys).issue(user.id, session_of(user), self.clock.now())[0]

    @asynccontextmanager
    async def client(self, role: Role = Role.ADMIN) -> AsyncIterator[httpx.AsyncClient]:
        """その役割の新しい利用者としての客。"""
        user = await self.add_user(role)
        async with self.anonymous() as client:
            client.headers["Authorization"] = f"Bearer {self.token_of(user)}"
            yield client


def session_of(user: User) -> SessionId:
    """``add_user`` の人のログインの番号。"""
    return SessionId(f"{user.id:032x}")


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """失敗の応答の中身。形(RFC 9457)も確かめる。"""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "params", "errors"}
    assert body["status"] == status
    return body


def field_codes(answer: httpx.Response) -> dict[str, str]:
    """入力の誤りの ``欄 → code``。"""
    body = problem(answer, 422)
    assert body["code"] == "invalid_input"
    return {error["field"]: error["code"] for error in body["errors"]}


def created(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == httpx.codes.CREATED, answer.text
    body: dict[str, Any] = answer.json()
    return body


def found(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body
