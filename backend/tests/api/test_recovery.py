"""画面から入れなくなった人を、機械の側から入れ直す(``tsubame recover``)。"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from harness.api import Api, found, problem
from harness.second_factor import enrol
from tsubame.business.auth.recovery import RecoveryService, Rescue
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.business.users.errors import UserNotFoundError
from tsubame.data_access.crypto.passwords import Argon2Passwords

NAME, PASSWORD = "Admin", "correct horse battery"
OPERATOR = Actor(None, "root (command line)", None)


@pytest.fixture(autouse=True)
async def owner(api: Api) -> None:
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))


def recovery(api: Api) -> RecoveryService:
    return RecoveryService(api.transactions, Argon2Passwords(), api.clock)


async def sign_in(client: httpx.AsyncClient, password: str) -> httpx.Response:
    return await client.post("/auth/login", json={"username": NAME, "password": password})


async def test_a_besieged_administrator_gets_in(api: Api) -> None:
    """間違いで待たされている人も、待たずに一度きりのパスワードで入れ、前のログインは終わっている。"""
    async with api.anonymous() as before, api.anonymous() as client:
        token = found(await sign_in(before, PASSWORD))["access_token"]
        for _ in range(7):
            refused = await sign_in(client, "guess guess")
        problem(refused, 429)
        password = await recovery(api).recover(OPERATOR, Rescue("admin", False, False))
        answer = await before.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert problem(answer, 401)["code"] == "session_ended"
        token = found(await sign_in(client, password.reveal()))["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert found(await client.get("/auth/me"))["must_change_password"] is True
        problem(await sign_in(client, PASSWORD), 401)


async def test_phone_role_and_block_are_lifted_when_asked(api: Api) -> None:
    """電話をなくし、役割も外され、止められた人でも、頼めば管理者として入れる。監査にも残る。"""
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {found(await sign_in(client, PASSWORD))['access_token']}"
        await enrol(api, client, PASSWORD)
        me = found(await client.get("/auth/me"))["id"]
    async with api.client(Role.ADMIN) as other:
        found(await other.put(f"/users/{me}/role", json={"role": "viewer"}))
        found(await other.post(f"/users/{me}/disable"))
        password = await recovery(api).recover(OPERATOR, Rescue(NAME, True, True))
        async with api.anonymous() as client:
            token = found(await sign_in(client, password.reveal()))["access_token"]
            mine = found(await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}))
            assert mine["role"] == "admin"
        events = found(await other.get("/audit", params={"action": "user.recovered"}))["items"]
    assert [(event["actor_name"], event["subject_name"]) for event in events] == [(OPERATOR.name, NAME)]
    assert password.reveal() not in str(events)


async def test_nobody_by_that_name(api: Api) -> None:
    """いない名前では、何も起きない。"""
    with pytest.raises(UserNotFoundError):
        await recovery(api).recover(OPERATOR, Rescue("nobody", True, True))


async def test_command_prints_only_the_password(api: Api, database_url: str, tmp_path: Path) -> None:
    """コマンドの標準出力は一度きりのパスワードだけで、それで入れる。いない名前なら、一文で断る。"""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TSUBAME_")}
    environment |= {"TSUBAME_DATABASE_URL": database_url, "TSUBAME_DATA_DIR": str(tmp_path / "cli")}

    def run(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tsubame", "recover", name]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
        )

    missing = run("nobody")
    assert (missing.returncode, missing.stderr) == (1, "tsubame: there is no user nobody.\n")
    done = run(NAME)
    assert done.returncode == 0, done.stderr
    async with api.anonymous() as client:
        found(await sign_in(client, done.stdout.strip()))
