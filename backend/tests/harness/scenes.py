"""何かを変える道が、うまくいく場面。"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from harness.api import Api
from harness.oidc import OidcProvider
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.secret import Secret

PASSWORD: Final = "correct horse battery"


@dataclass
class World:
    """一つの設置。``admin`` は管理者としての客。"""

    api: Api
    stack: AsyncExitStack
    oidc: OidcProvider
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def admin(self) -> httpx.AsyncClient:
        if not self.clients:
            self.clients.append(await self.stack.enter_async_context(self.api.client()))
        return self.clients[0]

    async def anyone(self) -> httpx.AsyncClient:
        return await self.stack.enter_async_context(self.api.anonymous())


@dataclass(frozen=True)
class Call:
    """成功するはずの呼び出し。"""

    client: httpx.AsyncClient
    body: dict[str, Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)


Scene = Callable[[World], Awaitable[Call]]


def simply(**body: Any) -> Scene:
    """用意のいらない道。"""

    async def scene(world: World) -> Call:
        return Call(await world.admin(), body or None)

    return scene


async def login_scene(world: World) -> Call:
    await world.api.setup.ensure_admin(FirstAdmin("First", Secret(PASSWORD)))
    return Call(await world.anyone(), {"username": "First", "password": PASSWORD})
