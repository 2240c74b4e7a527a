"""踏み台の先のサーバ: 鍵の承認も接続試験も、踏み台を通って進む。相手は本物の OpenSSH。"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from harness.api import Api, created, found, problem
from harness.factories import new_credential, new_server, server_body
from harness.sshd import ME, PRIVATE_KEY, Sshd, start_sshd
from tsubame.business.servers.errors import HostKeyChangedError
from tsubame.business.shared.ids import ServerId

Servers = list[dict[str, Any]]


@pytest.fixture
async def sshds() -> AsyncIterator[list[Sshd]]:
    """踏み台二つと、いちばん奥の相手。"""
    started = [await start_sshd() for _ in range(3)]
    yield started
    for sshd in started:
        await sshd.stop()


@pytest.fixture
async def chain(admin: httpx.AsyncClient, sshds: list[Sshd]) -> Servers:
    """一列に並ぶ三台。どの鍵も、まだ承認していない。"""
    key = {"name": "key", "kind": "ssh_key", "private_key": PRIVATE_KEY}
    credential = created(await admin.post("/credentials", json=key))
    made: Servers = []
    for number, sshd in enumerate(sshds):
        jump = made[-1]["id"] if made else None
        made.append(
            await new_server(
                admin,
                name=f"s{number}",
                port=sshd.port,
                username=ME,
                credential_id=credential["id"],
                jump_server_id=jump,
            )
        )
    return made


async def approve(admin: httpx.AsyncClient, server: dict[str, Any], sshd: Sshd) -> None:
    path = f"/servers/{server['id']}/host-key/approve"
    found(await admin.post(path, json={"fingerprint": sshd.host_key.fingerprint}))


async def run_test(admin: httpx.AsyncClient, server: dict[str, Any]) -> dict[str, Any]:
    return found(await admin.post(f"/servers/{server['id']}/test"))


async def test_keys_are_approved_hop_by_hop(
    admin: httpx.AsyncClient, chain: Servers, sshds: list[Sshd]
) -> None:
    """承認していない踏み台で試験が止まり、その踏み台に、承認すべき鍵が現れる。順に承認すると通る。"""
    for server, sshd in zip(chain[:2], sshds[:2], strict=True):
        test = await run_test(admin, chain[-1])
        failed = test["steps"][-1]
        assert (failed["name"], failed["reason"]) == ("jump", "host_key_unknown")
        assert (failed["hop"], failed["facts"]["server"]) == (server["id"], server["name"])
        waiting = found(await admin.get(f"/servers/{server['id']}"))
        assert waiting["offered_host_key"]["fingerprint"] == sshd.host_key.fingerprint
        await approve(admin, server, sshd)
    scan = found(await admin.post(f"/servers/{chain[-1]['id']}/host-key/scan"))
    assert scan["fingerprint"] == sshds[-1].host_key.fingerprint
    await approve(admin, chain[-1], sshds[-1])
    test = await run_test(admin, chain[-1])
    assert (test["ok"], [step["name"] for step in test["steps"]]) == (
        True,
        ["jump", "jump", "tcp", "host_key", "login", "shell", "run_directory"],
    )


async def test_scan_says_which_jump_is_in_the_way(
    admin: httpx.AsyncClient, chain: Servers, sshds: list[Sshd]
) -> None:
    """踏み台で止まって鍵を読めないときは、どの踏み台かを返す。"""
    await approve(admin, chain[0], sshds[0])
    refused = problem(await admin.post(f"/servers/{chain[2]['id']}/host-key/scan"), 409)
    assert (refused["code"], refused["params"]) == ("host_key_unknown", {"hop": "s1"})


async def test_changed_key_of_a_jump_is_noted_there(
    api: Api, admin: httpx.AsyncClient, chain: Servers, sshds: list[Sshd]
) -> None:
    """走りの途中で踏み台の鍵が変わると、奥のサーバではなく、その踏み台に書き留める。"""
    for server, sshd in zip(chain, sshds, strict=True):
        await approve(admin, server, sshd)
    endpoint = await api.foundation.endpoints.endpoint_of(ServerId(chain[2]["id"]))
    offered = sshds[2].host_key
    changed = HostKeyChangedError("changed", offered).at_hop(endpoint.hops[1])
    await api.foundation.endpoints.note_changed_key(endpoint, changed)
    states = [found(await admin.get(f"/servers/{server['id']}"))["host_key_state"] for server in chain]
    assert states == ["pinned", "changed", "pinned"]


async def test_revision_follows_every_hop(
    api: Api, admin: httpx.AsyncClient, chain: Servers, sshds: list[Sshd]
) -> None:
    """どの踏み台の設定・鍵・認証情報が変わっても、奥のサーバの接続は張り直される。"""
    seen: list[str] = []

    async def note() -> None:
        endpoint = await api.foundation.endpoints.endpoint_of(ServerId(chain[2]["id"]))
        assert endpoint.revision not in seen
        seen.append(endpoint.revision)

    await note()
    await approve(admin, chain[0], sshds[0])
    await note()
    body = server_body(chain[0]["credential_id"], name="s0", port=chain[0]["port"], username=ME)
    found(await admin.put(f"/servers/{chain[0]['id']}", json=body | {"ssh_options": {"keepalive_s": 3}}))
    await note()
    sudo = await new_credential(admin, name="sudo password")
    body = server_body(chain[2]["credential_id"], name="s2", jump_server_id=chain[1]["id"])
    body |= {"sudo_user": "app", "sudo_credential_id": sudo["id"]}
    found(await admin.put(f"/servers/{chain[2]['id']}", json=body))
    await note()
    fresh = {"name": "sudo password", "kind": "password", "password": "another"}
    found(await admin.put(f"/credentials/{sudo['id']}", json=fresh))
    await note()
