"""サーバに残っている走りを見て、片付ける。相手は本物の OpenSSH。"""

import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from harness.api import Api, created, found, problem
from harness.executions import place_execution
from harness.factories import new_server
from harness.processes import sleeping
from harness.remote_runs import follow, greeted, order
from harness.sshd import ME, PRIVATE_KEY, Sshd, start_sshd
from harness.waiting import eventually
from tsubame.business.executions.states import TargetState
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.executions import targets


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd()
    yield server
    await server.stop()


@pytest.fixture
async def path(admin: httpx.AsyncClient, sshd: Sshd) -> str:
    """承認の済んだサーバの、走りの道。"""
    body = {"name": "key", "kind": "ssh_key", "private_key": PRIVATE_KEY}
    credential = created(await admin.post("/credentials", json=body))
    server = await new_server(admin, port=sshd.port, username=ME, credential_id=credential["id"])
    approval = {"fingerprint": sshd.host_key.fingerprint}
    found(await admin.post(f"/servers/{server['id']}/host-key/approve", json=approval))
    return f"/servers/{server['id']}/runs"


async def _listed(admin: httpx.AsyncClient, path: str, run_id: str) -> dict[str, Any] | None:
    answer = found(await admin.get(path))
    assert answer["total_bytes"] == sum(run["size"] for run in answer["runs"])
    runs: list[dict[str, Any]] = answer["runs"]
    return next((run for run in runs if run["run_id"] == run_id), None)


async def _own(api: Api, run_id: str, state: TargetState) -> int:
    """その走りを、置いた対象のものにする。実行の番号を返す。"""
    placed = await place_execution(api.transactions)
    async with api.transactions.begin() as tx:
        await tx.connection.execute(
            update(targets).where(targets.c.id == placed.targets[0]).values(run_id=run_id, state=state)
        )
    return placed.id


async def test_known_and_unknown_runs(api: Api, admin: httpx.AsyncClient, path: str, sshd: Sshd) -> None:
    """こちらの走りには実行の番号が付き、知らない走りには持ち主がない。置き場所の空きも分かる。"""
    ours, theirs = order("echo hi\n"), order("echo hi\n")
    for wanted in (ours, theirs):
        await follow(await api.ssh.runs.start(sshd.endpoint(), wanted))
    execution_id = await _own(api, ours.run_id, TargetState.LOST)
    listed = await _listed(admin, path, ours.run_id)
    assert listed is not None
    assert (listed["state"], listed["owner"]["execution_id"], listed["owner"]["state"]) == (
        "ended",
        execution_id,
        "lost",
    )
    orphan = await _listed(admin, path, theirs.run_id)
    assert orphan is not None
    assert orphan["owner"] is None
    assert all(place["free_bytes"] > 0 for place in found(await admin.get(path))["directories"])
    for wanted in (ours, theirs):
        assert (await admin.delete(f"{path}/{wanted.run_id}")).status_code == 204
        assert await _listed(admin, path, wanted.run_id) is None


async def test_last_look_is_remembered(api: Api, admin: httpx.AsyncClient, path: str, sshd: Sshd) -> None:
    """見に行った数は、そのときの時刻とともにサーバに残り、一覧でも読める。"""
    wanted = order("echo hi\n")
    await follow(await api.ssh.runs.start(sshd.endpoint(), wanted))
    server_path = path.removesuffix("/runs")
    assert found(await admin.get(server_path))["disk"] is None
    looked = found(await admin.get(path))
    disk = found(await admin.get(server_path))["disk"]
    assert disk["used_bytes"] == looked["total_bytes"] > 0
    assert disk["orphan_runs"] == sum(run["owner"] is None for run in looked["runs"]) > 0
    assert disk["free_bytes"] == looked["directories"][0]["free_bytes"]
    assert disk["total_bytes"] >= disk["free_bytes"]
    (listed,) = found(await admin.get("/servers"))["items"]
    assert listed["disk"] == disk
    await api.ssh.runs.remove(sshd.endpoint(), wanted.run_id)


async def test_removal_is_audited(api: Api, admin: httpx.AsyncClient, path: str, sshd: Sshd) -> None:
    """消した走りの名前が、監査記録に残る。もうないものを消しても、誤りにしない。"""
    wanted = order("echo hi\n")
    await follow(await api.ssh.runs.start(sshd.endpoint(), wanted))
    for _ in range(2):
        assert (await admin.delete(f"{path}/{wanted.run_id}")).status_code == 204
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.details).where(audit_events.c.action == "server.run_removed")
        details = (await tx.connection.execute(query)).scalars().all()
    assert details[0] == {"run_id": wanted.run_id, "stopped": False}


async def test_running_orphan_is_stopped_only_when_asked(
    api: Api, admin: httpx.AsyncClient, path: str, sshd: Sshd
) -> None:
    """持ち主不明でも、走っていれば消さない。止めると言われたときだけ、木ごと止めてから消す。"""
    number = random.randrange(10**7, 10**8)
    wanted = order(f"sleep {number} & sleep {number}\n")
    await greeted(await api.ssh.runs.start(sshd.endpoint(), wanted))
    await eventually(lambda: len(sleeping(number)) == 2, "眠り始める")
    refused = await admin.delete(f"{path}/{wanted.run_id}")
    assert problem(refused, 409)["code"] == "run_still_running"
    assert (await admin.delete(f"{path}/{wanted.run_id}?stop=true")).status_code == 204
    assert sleeping(number) == []
    assert await _listed(admin, path, wanted.run_id) is None


async def test_run_of_an_unfinished_execution_is_left_alone(
    api: Api, admin: httpx.AsyncClient, path: str, sshd: Sshd
) -> None:
    """まだ終わっていない実行の走りは、止めると言われても触らない。"""
    wanted = order("echo hi\n")
    await follow(await api.ssh.runs.start(sshd.endpoint(), wanted))
    await _own(api, wanted.run_id, TargetState.RUNNING)
    for query in ("", "?stop=true"):
        refused = await admin.delete(f"{path}/{wanted.run_id}{query}")
        assert problem(refused, 409)["code"] == "run_in_use"
    assert await _listed(admin, path, wanted.run_id) is not None
    await api.ssh.runs.remove(sshd.endpoint(), wanted.run_id)


async def test_unreachable_server_says_why(admin: httpx.AsyncClient, path: str, sshd: Sshd) -> None:
    """届かなければ、空の一覧ではなく、届かないわけを返す。"""
    await sshd.stop()
    assert problem(await admin.get(path), 409)["code"] == "connect_refused"


@pytest.mark.parametrize("name", ["..", "A", "x;y", "a.b", "a" * 101])
async def test_strange_name_is_refused(admin: httpx.AsyncClient, path: str, name: str) -> None:
    """走りの名前でないものは、サーバへ行く前に断る。"""
    assert (await admin.delete(f"{path}/{name.replace('..', '%2E%2E')}")).status_code in {404, 405, 422}
