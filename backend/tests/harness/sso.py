"""外のログインで入る人の、手つき。"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from harness.api import created, found
from harness.oidc import OidcProvider, at_the_provider

COOKIE = "tsubame_sso"


async def add_provider(admin: httpx.AsyncClient, oidc: OidcProvider, **changes: Any) -> int:
    """製品に提供者を足す。"""
    made = created(await admin.post("/sign-in/providers", json=oidc.settings(**changes)))
    number: int = made["id"]
    return number


async def set_off(client: httpx.AsyncClient, provider_id: int) -> str:
    """送り出される先の住所。Cookie は客が持つ。"""
    answer = found(await client.post(f"/auth/sso/providers/{provider_id}/start"))
    url: str = answer["authorization_url"]
    return url


async def come_back(
    client: httpx.AsyncClient, provider_id: int, name: str, **changes: str | None
) -> httpx.Response:
    """提供者で名乗って戻る。``changes`` は、戻りの住所への細工(``None`` なら抜く)。"""
    async with at_the_provider(await set_off(client, provider_id), name) as answer:
        body = {key: value for key, value in {**answer, **changes}.items() if value is not None}
        return await client.post("/auth/sso/finish", json=body)


async def enter(client: httpx.AsyncClient, provider_id: int, name: str) -> dict[str, Any]:
    """入って、自分がだれかを読む。"""
    token = found(await come_back(client, provider_id, name))["access_token"]
    return found(await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}))


def asked(authorization_url: str) -> dict[str, str]:
    """認可の住所の中身。"""
    return {key: values[0] for key, values in parse_qs(urlsplit(authorization_url).query).items()}
