"""実行を始める道: サーバの選び方、順番、枠が一杯のとき、その場の命令。"""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from harness.api import Api, created, field_codes, found, problem
from harness.factories import new_credential, new_job, new_server
from harness.queueing import Floor
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.audit import audit_events


async def fleet(client: httpx.AsyncClient) -> dict[str, int]:
    """web1・web2(prod)・web3(canary)・db1。"""
    credential = (await new_credential(client))["id"]
    tags = {"web1": ["web", "prod"], "web2": ["web", "prod"], "web3": ["web", "canary"], "db1": ["db"]}
    return {
        name: (await new_server(client, name=name, tags=tags[name], credential_id=credential))["id"]
        for name in tags
    }


async def start(client: httpx.AsyncClient, job: dict[str, Any], **body: Any) -> dict[str, Any]:
    return created(await client.post(f"/jobs/{job['id']}/executions", json=body or None))


def names(execution: dict[str, Any]) -> list[str]:
    return [target["server_name"] for target in execution["targets"]]


async def test_resolve_shows_what_would_run(admin: httpx.AsyncClient) -> None:
    """始める前に、式と名指しに当てはまるサーバを、動く順に見せる。"""
    ids = await fleet(admin)
    body = {"selector": "web and not canary", "server_ids": [ids["db1"]]}
    items = found(await admin.post("/servers/resolve", json=body))["items"]
    assert [item["name"] for item in items] == ["db1", "web1", "web2"]
    assert items[1] == {
        "id": ids["web1"],
        "name": "web1",
        "tags": ["web", "prod"],
        "host_key_state": "unknown",
    }
    assert found(await admin.post("/servers/resolve", json={"selector": "nothing"}))["items"] == []


@pytest.mark.parametrize("path", ["/servers/resolve", "/jobs", "/commands"])
async def test_unreadable_selector_says_where(admin: httpx.AsyncClient, path: str) -> None:
    """読めない式は、どの道でも、文字の位置と語を返す。"""
    body = {"/jobs": {"name": "x", "script": ""}, "/commands": {"command": "true"}}.get(path, {})
    answer = await admin.post(path, json=body | {"selector": "web and or db"})
    (error,) = problem(answer, 422)["errors"]
    assert (error["field"], error["code"]) == ("selector", "selector_unexpected")
    assert error["params"] == {"position": 9, "token": "or"}


async def test_selector_is_resolved_at_start(admin: httpx.AsyncClient) -> None:
    """式だけのジョブは、始めるときに当てはまるサーバで動く。あとから札を付けたサーバも入る。"""
    await fleet(admin)
    job = await new_job(admin, selector=" web and prod ")
    assert (job["selector"], job["servers"]) == ("web and prod", [])
    assert names(await start(admin, job)) == ["web1", "web2"]
    await new_server(admin, name="web0", tags=["web", "prod"])
    assert names(await start(admin, job)) == ["web0", "web1", "web2"]


@pytest.mark.parametrize("seats", [2, 4])
async def test_answer_to_a_start_is_what_reading_it_shows(
    api: Api, admin: httpx.AsyncClient, seats: int
) -> None:
    """始めた返事は、読み直した姿と同じ。順番を待つものがあれば、その居場所も入っている。"""
    await Floor(api.transactions).worker(capacity=seats)
    await fleet(admin)
    started = await start(admin, await new_job(admin, selector="web or db"))
    assert started == found(await admin.get(f"/executions/{started['id']}"))
    assert [target["position"] for target in started["targets"]] == [0, 1, 2, 3]
    assert (started["queue"] is None) == (seats == 4)


async def test_no_match_is_told_apart_from_no_servers(admin: httpx.AsyncClient) -> None:
    """当てはまるサーバがないのと、そもそも選んでいないのとは、別の失敗。"""
    for changes, code in (({"selector": "web"}, "no_server_matches"), ({}, "job_has_no_servers")):
        job = await new_job(admin, name=code, **changes)
        assert problem(await admin.post(f"/jobs/{job['id']}/executions"), 409)["code"] == code


async def test_run_can_be_limited_to_some_servers(admin: httpx.AsyncClient) -> None:
    """ジョブのサーバのうち、選んだものだけで動かせる。ジョブのものでないサーバは断る。"""
    ids = await fleet(admin)
    job = await new_job(admin, ids["db1"], selector="web")
    execution = await start(admin, job, server_ids=[ids["web2"], ids["db1"]], priority=7)
    assert (names(execution), execution["priority"]) == (["db1", "web2"], 7)
    other = await new_server(admin, name="other")
    answer = await admin.post(f"/jobs/{job['id']}/executions", json={"server_ids": [ids["db1"], other["id"]]})
    assert field_codes(answer) == {"server_ids.1": "server_not_selected"}
    assert field_codes(await admin.post(f"/jobs/{job['id']}/executions", json={"server_ids": []})) == {
        "server_ids": "too_short"
    }


async def test_policies_are_saved_and_snapshotted(admin: httpx.AsyncClient) -> None:
    """動かし方の決まりは、入れたとおりに読め、実行にはそのときの写しが残る。"""
    policies: dict[str, Any] = {
        "strategy": {
            "max_parallel": 3,
            "waves": ["1", "50%"],
            "max_failures": "20%",
            "on_failures": "pause",
            "pause_between_waves": True,
        },
        "retry": {
            "max_attempts": 4,
            "delay_s": 1,
            "factor": 1.5,
            "max_delay_s": 9,
            "jitter": 0.5,
            "on": ["connect", "lost"],
            "exit_codes": [75],
        },
    }
    queueing = {"priority": 5, "concurrency_limit": 2, "when_full": "replace"}
    ids = await fleet(admin)
    job = await new_job(admin, *ids.values(), queueing=queueing, **policies)
    assert {name: job[name] for name in policies} == policies
    assert job["queueing"] == queueing
    execution = await start(admin, job)
    assert {name: execution["spec"][name] for name in policies} == policies
    assert execution["priority"] == 5
    assert [target["wave"] for target in execution["targets"]] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"strategy": {"waves": ["1", "x", "0", "101%"]}}, {
            "strategy.waves.1": "wave_invalid",
            "strategy.waves.2": "wave_invalid",
            "strategy.waves.3": "wave_invalid",
        }),
        ({"strategy": {"max_failures": "-1"}}, {"strategy.max_failures": "max_failures_invalid"}),
        ({"strategy": {"max_parallel": 0}}, {"strategy.max_parallel": "greater_than_equal"}),
        ({"retry": {"exit_codes": [0]}}, {"retry.exit_codes.0": "greater_than_equal"}),
        ({"retry": {"on": ["weather"]}}, {"retry.on.0": "enum"}),
        ({"queueing": {"priority": 101}}, {"queueing.priority": "less_than_equal"}),
        ({"queueing": {"concurrency_limit": 0}}, {"queueing.concurrency_limit": "greater_than_equal"}),
    ],
)  # fmt: skip
async def test_bad_policies_name_the_field(
    admin: httpx.AsyncClient, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """使えない決まりは、どの欄がいけないかを返す。"""
    answer = await admin.post("/jobs", json={"name": "x", "script": "", **changes})
    assert field_codes(answer) == expected


async def test_full_job_skips(admin: httpx.AsyncClient) -> None:
    """「飛ばす」ジョブは、一杯なら、飛ばしたことだけを記録してすぐ終わる。"""
    server = await new_server(admin)
    queueing = {"concurrency_limit": 1, "when_full": "skip"}
    job = await new_job(admin, server["id"], queueing=queueing)
    first, second = await start(admin, job), await start(admin, job)
    assert (first["state"], second["state"]) == ("queued", "skipped")
    (target,) = second["targets"]
    assert (target["state"], target["reason"], second["queue"]) == ("skipped", "job_busy", None)
    assert second["finished_at"] is not None
    found(await admin.post(f"/executions/{first['id']}/cancel"))
    assert (await start(admin, job))["state"] == "queued"


async def test_full_job_replaces_the_oldest(admin: httpx.AsyncClient) -> None:
    """「置き換える」ジョブは、一杯なら古いほうから要るだけ中止し、新しいものが場所を待つ。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"], queueing={"concurrency_limit": 2, "when_full": "replace"})
    runs = [await start(admin, job) for _ in range(3)]
    seen = [found(await admin.get(f"/executions/{run['id']}")) for run in runs]
    assert [run["state"] for run in seen] == ["cancelled", "queued", "queued"]
    assert (seen[0]["cancel_reason"], seen[0]["targets"][0]["reason"]) == ("replaced", "replaced")
    assert (seen[1]["cancel_requested_at"], seen[1]["cancel_reason"]) == (None, None)


async def test_full_job_queues(admin: httpx.AsyncClient) -> None:
    """「待つ」ジョブは、一杯なら枠が空くのを待ち、待つ相手としてジョブの名前を言う。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"], name="deploy", queueing={"concurrency_limit": 1})
    first, second = await start(admin, job), await start(admin, job)
    assert (first["queue"]["waits_for"], first["queue"]["position"]) == ("no_worker", 1)
    assert (second["queue"]["waits_for"], second["queue"]["waits_for_name"]) == ("job_concurrency", "deploy")


async def test_command_is_an_execution_like_any_other(api: Api, admin: httpx.AsyncClient) -> None:
    """その場の命令は、実行として残り、監査に書かれ、止められ、もう一度動かせる。"""
    await fleet(admin)
    body = {"command": "\n  uptime -p\ndate\n", "selector": "web", "strategy": {"max_parallel": 2}}
    execution = created(await admin.post("/commands", json=body, headers={"Idempotency-Key": "k"}))
    assert (execution["kind"], execution["job_id"], execution["job_name"]) == ("ad_hoc", None, "uptime -p")
    assert names(execution) == ["web1", "web2", "web3"]
    assert execution["spec"]["strategy"]["max_parallel"] == 2
    same = await admin.post("/commands", json=body, headers={"Idempotency-Key": "k"})
    assert created(same)["id"] == execution["id"]
    path = f"/executions/{execution['id']}"
    assert found(await admin.post(f"{path}/cancel"))["state"] == "cancelled"
    again = created(await admin.post(f"{path}/rerun"))
    assert (again["kind"], again["rerun_of"], names(again)) == ("ad_hoc", execution["id"], names(execution))
    listed = found(await admin.get("/executions", params={"kind": "ad_hoc"}))["items"]
    assert [item["id"] for item in listed] == [again["id"], execution["id"]]
    assert found(await admin.get("/executions", params={"kind": "job"}))["items"] == []
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.details).where(audit_events.c.action == "command.started")
        assert (await tx.connection.execute(query)).scalars().all() == [{"command": body["command"]}]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"command": " \n"}, {"command": "required"}),
        ({"command": "a\0b"}, {"command": "nul_character"}),
        ({"selector": None}, {"selector": "required"}),
        ({"server_ids": [99]}, {"server_ids.0": "server_not_found"}),
        ({"strategy": {"waves": ["?"]}}, {"strategy.waves.0": "wave_invalid"}),
    ],
)
async def test_bad_commands_name_the_field(
    admin: httpx.AsyncClient, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """使えない命令は、どの欄がいけないかを返す。"""
    answer = await admin.post("/commands", json={"command": "true", "selector": "web", **changes})
    assert field_codes(answer) == expected


async def test_idempotency_key_belongs_to_one_thing(admin: httpx.AsyncClient) -> None:
    """ジョブを始めた鍵で命令は動かせず、その逆もできない。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"])
    for first, second in (("a", "b"), ("b", "a")):
        key = {"Idempotency-Key": first + second}
        calls = {
            "a": (f"/jobs/{job['id']}/executions", {}),
            "b": ("/commands", {"command": "true", "server_ids": [server["id"]]}),
        }
        created(await admin.post(calls[first][0], json=calls[first][1], headers=key))
        answer = await admin.post(calls[second][0], json=calls[second][1], headers=key)
        assert problem(answer, 409)["code"] == "idempotency_key_reused"


async def test_operator_runs_jobs_but_writes_no_commands(api: Api, admin: httpx.AsyncClient) -> None:
    """運用者は、編集者の書いたものを動かせるが、その場の命令は書けない。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"])
    async with api.client(Role.OPERATOR) as operator:
        assert (await start(operator, job))["state"] == "queued"
        answer = await operator.post("/commands", json={"command": "id", "server_ids": [server["id"]]})
        assert problem(answer, 403)["params"]["needed"] == "editor"


async def test_credentials_used_are_recorded(admin: httpx.AsyncClient) -> None:
    """始めると、対象と踏み台と sudo の認証情報が、使ったこととして一度ずつ監査に残る。"""
    gate, door, sudo = [await new_credential(admin, name=name) for name in ("gate", "door", "sudo")]
    bastion = await new_server(admin, name="bastion", credential_id=gate["id"])
    behind = {"jump_server_id": bastion["id"], "sudo_user": "app", "sudo_credential_id": sudo["id"]}
    inner = [await new_server(admin, name=f"inner{n}", credential_id=door["id"], **behind) for n in range(2)]
    await start(admin, await new_job(admin, *[server["id"] for server in inner], name="release"))
    used = found(await admin.get("/audit", params={"action": "credential.used"}))["items"]
    assert sorted(item["subject_name"] for item in used) == ["door", "gate", "sudo"]
    assert {(item["actor_name"], item["details"]["job"]) for item in used} == {("admin-user", "release")}
