"""ホスト鍵の読み取り・承認と、接続試験。相手は本物の OpenSSH。"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from harness.api import Api, created, found, problem
from harness.factories import new_server
from harness.sshd import ME, PRIVATE_KEY, Sshd, free_port, start_sshd
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.tables.audit import audit_events


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd()
    yield server
    await server.stop()


@pytest.fixture
async def server(admin: httpx.AsyncClient, sshd: Sshd) -> dict[str, Any]:
    """その sshd を指す、まだ承認していないサーバ。"""
    body = {"name": "key", "kind": "ssh_key", "private_key": PRIVATE_KEY}
    credential = created(await admin.post("/credentials", json=body))
    return await new_server(admin, port=sshd.port, username=ME, credential_id=credential["id"])


async def approve(admin: httpx.AsyncClient, server: dict[str, Any], fingerprint: str) -> httpx.Response:
    path = f"/servers/{server['id']}/host-key/approve"
    return await admin.post(path, json={"fingerprint": fingerprint})


async def test_scan_then_approve(
    api: Api, admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd
) -> None:
    """見せられた鍵の指紋を人が承認すると固定され、監査記録に前と後の指紋が残る。"""
    scan = found(await admin.post(f"/servers/{server['id']}/host-key/scan"))
    assert (scan["fingerprint"], scan["state"], scan["pinned"]) == (
        sshd.host_key.fingerprint,
        "unknown",
        None,
    )
    waiting = found(await admin.get(f"/servers/{server['id']}"))
    assert waiting["offered_host_key"]["fingerprint"] == sshd.host_key.fingerprint
    approved = found(await approve(admin, server, scan["fingerprint"]))
    assert (approved["host_key_state"], approved["offered_host_key"]) == ("pinned", None)
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.details).where(audit_events.c.action == "server.host_key_approved")
        details = (await tx.connection.execute(query)).scalar_one()
    assert details == {"changes": {"host_key": {"from": None, "to": sshd.host_key.fingerprint}}}


async def test_approval_needs_the_shown_fingerprint(
    admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd
) -> None:
    """違う指紋は固定されず、今見せられている指紋を返す。"""
    refused = problem(await approve(admin, server, "SHA256:somebody-else"), 409)
    assert (refused["code"], refused["params"]) == (
        "host_key_mismatch",
        {"offered": sshd.host_key.fingerprint},
    )
    now = found(await admin.get(f"/servers/{server['id']}"))
    assert (now["host_key"], now["offered_host_key"]["fingerprint"]) == (None, sshd.host_key.fingerprint)


async def test_known_fingerprint_needs_no_scan_first(
    admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd
) -> None:
    """前もって指紋を知っていれば、読み取りを頼まずに承認できる。二度目も同じ返事になる。"""
    for _ in range(2):
        approved = found(await approve(admin, server, sshd.host_key.fingerprint))
        assert approved["host_key_state"] == "pinned"


async def test_changed_key_blocks_until_approved(
    admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd
) -> None:
    """相手の鍵が変わると試験は止まり、前と今の鍵を両方見せる。承認すると、また通る。"""
    before = sshd.host_key.fingerprint
    found(await approve(admin, server, before))
    await sshd.stop()
    after = sshd.replace_host_key().fingerprint
    await sshd.start()
    test = found(await admin.post(f"/servers/{server['id']}/test"))
    assert (test["ok"], test["reason"]) == (False, "host_key_changed")
    blocked = found(await admin.get(f"/servers/{server['id']}"))
    assert (blocked["host_key_state"], blocked["last_test_reason"]) == ("changed", "host_key_changed")
    shown = (blocked["host_key"]["fingerprint"], blocked["offered_host_key"]["fingerprint"])
    assert shown == (before, after)
    found(await approve(admin, server, after))
    assert found(await admin.post(f"/servers/{server['id']}/test"))["ok"] is True


async def test_connection_test_of_a_new_server(
    admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd
) -> None:
    """承認前の試験はホスト鍵の段で止まり、承認すべき鍵がサーバに現れる。"""
    test = found(await admin.post(f"/servers/{server['id']}/test"))
    steps = [(step["name"], step["reason"]) for step in test["steps"]]
    assert steps == [("dns", None), ("tcp", None), ("host_key", "host_key_unknown")]
    now = found(await admin.get(f"/servers/{server['id']}"))
    assert now["offered_host_key"]["fingerprint"] == sshd.host_key.fingerprint


async def test_connection_test_goes_through(
    admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd
) -> None:
    """全部の段が通り、時刻と結果が書き留められる。"""
    found(await approve(admin, server, sshd.host_key.fingerprint))
    test = found(await admin.post(f"/servers/{server['id']}/test"))
    assert (test["ok"], test["reason"]) == (True, None)
    assert [step["name"] for step in test["steps"]] == [
        "dns", "tcp", "host_key", "login", "shell", "run_directory",
    ]  # fmt: skip
    assert test["steps"][-1]["facts"]["free_bytes"] > 0
    now = found(await admin.get(f"/servers/{server['id']}"))
    assert now["last_test_reason"] == ""
    assert now["last_test_at"] is not None


async def test_unreachable_server(admin: httpx.AsyncClient) -> None:
    """だれも聞いていないポートの読み取りは、理由の分かる失敗になる。"""
    server = await new_server(admin, port=free_port())
    answer = problem(await admin.post(f"/servers/{server['id']}/host-key/scan"), 409)
    assert answer["code"] == "connect_refused"


async def test_endpoint_revision_follows_every_change(
    api: Api, admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd
) -> None:
    """使い回しの接続の鍵は、ホスト鍵・サーバ・認証情報のどれが変わっても変わり、変わらなければ同じ。"""
    endpoints = api.foundation.endpoints

    async def revision() -> str:
        return (await endpoints.endpoint_of(ServerId(server["id"]))).revision

    seen = [await revision()]
    assert await revision() == seen[0]
    found(await approve(admin, server, sshd.host_key.fingerprint))
    seen.append(await revision())
    fields = ("name", "description", "host", "port", "username", "credential_id", "tags", "run_directory")
    body = {name: server[name] for name in fields}
    found(await admin.put(f"/servers/{server['id']}", json={**body, "run_directory": "/var/tmp/x"}))
    seen.append(await revision())
    change = {"name": "key", "kind": "ssh_key", "private_key": PRIVATE_KEY}
    found(await admin.put(f"/credentials/{server['credential_id']}", json=change))
    seen.append(await revision())
    assert len(set(seen)) == 4
