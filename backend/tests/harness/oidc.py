"""本物の OpenID Connect の提供者(npm の oidc-provider)を、隣に起こす。"""

import contextlib
import html
import json
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from harness.api import BASE
from harness.node import node
from harness.product import free_port
from harness.waiting import wait_until

CLIENT_ID, CLIENT_SECRET = "tsubame", "a client secret that is long enough"
_FRONTEND = Path(__file__).parents[3] / "frontend"
_START_S = 60


@dataclass(frozen=True)
class OidcProvider:
    issuer: str
    control_url: str

    def set_users(self, **groups: list[str]) -> None:
        """人と、その組。名前が主語にもなる。"""
        self._tell({"users": {name: _person(name, held) for name, held in groups.items()}})

    def tamper(self, trick: str | None) -> None:
        """証明書への細工。"""
        self._tell({"tamper": trick})

    def settings(self, **changes: Any) -> dict[str, Any]:
        """製品の側に書く設定。"""
        return {
            "name": "Company ID",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scopes": "openid profile email groups",
            "rules": [],
            "default_role": None,
            "creates_users": True,
            "trusts_second_factor": True,
            "enabled": True,
            "position": 0,
            **changes,
        }

    def _tell(self, change: dict[str, Any]) -> None:
        httpx.post(self.control_url, json=change).raise_for_status()


@contextlib.contextmanager
def run_provider(*redirect_uris: str) -> Iterator[OidcProvider]:
    port, control_port = free_port(), free_port()
    options = {
        "packages": str(_FRONTEND / "package.json"),
        "port": port,
        "controlPort": control_port,
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "redirectUris": redirect_uris,
    }
    script = Path(__file__).with_name("oidc_provider.mjs")
    with tempfile.TemporaryFile() as log:
        command = [node(), str(script), json.dumps(options)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            issuer = f"http://127.0.0.1:{port}"
            wait_until(
                lambda: process.poll() is not None or _answers(issuer), "the provider starts", _START_S
            )
            log.seek(0)
            assert process.poll() is None, log.read().decode()
            yield OidcProvider(issuer, f"http://127.0.0.1:{control_port}")
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def running_oidc() -> Iterator[OidcProvider]:
    with run_provider(f"{BASE}/login/callback") as provider:
        yield provider


@pytest.fixture
def oidc(running_oidc: OidcProvider) -> OidcProvider:
    """細工のない提供者。人はいない。"""
    running_oidc.tamper(None)
    running_oidc.set_users()
    return running_oidc


@contextlib.asynccontextmanager
async def at_the_provider(authorization_url: str, name: str) -> AsyncIterator[dict[str, str]]:
    """提供者の画面で名乗り、戻り先の住所の中身を得る。ブラウザの代わりに、頁と書式をたどる。"""
    async with httpx.AsyncClient(timeout=30) as browser:
        page = await browser.get(authorization_url)
        page = await _followed(browser, page)
        form = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert form is not None, page.text
        target = urljoin(str(page.url), html.unescape(form.group(1)))
        fields = {"prompt": "login", "login": name, "password": "anything"}
        answer = await _followed(browser, await browser.post(target, data=fields))
        back = urlsplit(answer.headers["location"])
        yield {key: values[0] for key, values in parse_qs(back.query).items()}


async def _followed(browser: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """提供者の中の転送だけを追い、製品へ戻るところで止まる。"""
    while answer.is_redirect:
        target = urljoin(str(answer.url), answer.headers["location"])
        if "/login/callback" in target:
            return answer
        answer = await browser.get(target)
    return answer


def _person(name: str, groups: list[str]) -> dict[str, Any]:
    return {"preferred_username": name, "email": f"{name}@example.com", "groups": groups}


def _answers(issuer: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{issuer}/.well-known/openid-configuration").status_code == 200
    return False
