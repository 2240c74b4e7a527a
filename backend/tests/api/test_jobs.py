"""ジョブの道。"""

import json

import httpx
import pytest
from sqlalchemy import select, update

from harness.api import Api, created, field_codes, found, problem
from harness.executions import place_execution
from harness.factories import job_body, new_job, new_server
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.executions import executions
from tsubame.data_access.tables.jobs import job_servers, jobs

EMPTY_SPEC: dict[str, object] = {
    "script": "",
    "interpreter": None,
    "env": {},
    "working_directory": None,
    "timeout_s": None,
    "stop_without_contact_s": None,
    "max_log_bytes": None,
}
ODD_SCRIPT = "#!/bin/bash\r\necho '日本語 🐦' \"$X\" \\\t\x01\x7f\u2028\r\n\n\n"


async def test_create_and_read(admin: httpx.AsyncClient) -> None:
    """作ったジョブは、台本の一字一句まで入れたとおりに読める。サーバは並べた順。"""
    servers = [(await new_server(admin, name=name))["id"] for name in ("b", "a", "c")]
    body = job_body(
        *servers, description="説明\n二行目", script=ODD_SCRIPT, interpreter="python3 -u",
        env={"B": "2", "A": "値\n'\""}, working_directory="~/app", timeout_s=60,
        stop_without_contact_s=300, max_log_bytes=2**30 * 3, enabled=False,
    )  # fmt: skip
    answer = await admin.post("/jobs", json=body)
    job = created(answer)
    assert answer.headers["etag"] == '"1"'
    assert [server["name"] for server in job.pop("servers")] == ["b", "a", "c"]
    assert {name: job[name] for name in body if name != "server_ids"} == {
        name: value for name, value in body.items() if name != "server_ids"
    }
    assert job["last_execution"] is None
    assert found(await admin.get(f"/jobs/{job['id']}"))["script"] == ODD_SCRIPT


async def test_empty_script_and_no_servers_can_be_saved(admin: httpx.AsyncClient) -> None:
    """書きかけ(台本が空、サーバなし)でも保存できる。"""
    job = await new_job(admin, script="")
    assert (job["script"], job["servers"]) == ("", [])


async def test_log_limit_is_one_gib_unless_said(admin: httpx.AsyncClient) -> None:
    """ログの上限は、言わなければ 1 GiB。``null`` なら上限なし。"""
    assert (await new_job(admin))["max_log_bytes"] == 2**30
    assert (await new_job(admin, name="all", max_log_bytes=None))["max_log_bytes"] is None


async def test_blank_fields_become_nothing(admin: httpx.AsyncClient) -> None:
    """空欄の解釈系と作業ディレクトリは、無いのと同じになる。"""
    job = await new_job(admin, interpreter="  ", working_directory="")
    assert (job["interpreter"], job["working_directory"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"script": "a\0b"}, {"script": "nul_character"}),
        ({"script": "あ" * 400_000}, {"script": "script_too_large"}),
        ({"script": "x" * 1_048_577}, {"script": "string_too_long"}),
        ({"env": {"1A": ""}}, {"env.1A": "env_name_invalid"}),
        ({"env": {"": ""}}, {"env.": "env_name_invalid"}),
        ({"env": {"A=B": ""}}, {"env.A=B": "env_name_invalid"}),
        ({"env": {"TSUBAME_RUN_ID": "x"}}, {"env.TSUBAME_RUN_ID": "env_name_reserved"}),
        ({"env": {"A": "x\0"}}, {"env.A": "nul_character"}),
        ({"env": {"A": "x" * 131_072}}, {"env.A": "env_value_too_large"}),
        ({"env": {f"A{n}": "x" * 100_000 for n in range(11)}}, {"env": "env_too_large"}),
        ({"interpreter": "bash -c 'x'"}, {"interpreter": "interpreter_invalid"}),
        ({"working_directory": "app"}, {"working_directory": "working_directory_relative"}),
        ({"working_directory": "/a\nb"}, {"working_directory": "control_character"}),
        ({"timeout_s": 0}, {"timeout_s": "greater_than_equal"}),
        ({"stop_without_contact_s": 59}, {"stop_without_contact_s": "greater_than_equal"}),
        ({"max_log_bytes": 2**20 - 1}, {"max_log_bytes": "greater_than_equal"}),
        ({"max_log_bytes": 2**40 + 1}, {"max_log_bytes": "less_than_equal"}),
        ({"server_ids": [99]}, {"server_ids.0": "server_not_found"}),
        ({"server_ids": [7, 7]}, {"server_ids.1": "duplicate"}),
        ({"server_ids": [2**80]}, {"server_ids.0": "value_error"}),
        ({"name": " ", "env": {"-": ""}}, {"name": "required", "env.-": "env_name_invalid"}),
        ({"kind": "pipeline"}, {"kind": "enum"}),
    ],
)
async def test_bad_input_names_the_field(
    admin: httpx.AsyncClient, changes: dict[str, object], expected: dict[str, str]
) -> None:
    """使えない入力は、どの欄がなぜいけないかを、まとめて code で返す。"""
    assert field_codes(await admin.post("/jobs", json=job_body(**changes))) == expected


@pytest.mark.parametrize("field", ["script", "name", "description", "env"])
async def test_lone_surrogates(admin: httpx.AsyncClient, field: str) -> None:
    """半端な文字(相方のないサロゲート)は、どの欄でも、内側の失敗にせず断る。"""
    value: object = {"A": "x\ud800"} if field == "env" else "x\ud800"
    raw = json.dumps(job_body() | {field: value}).encode("ascii")
    answer = await admin.post("/jobs", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    problem(answer, answer.status_code)


async def test_edit_replaces_everything(admin: httpx.AsyncClient) -> None:
    """保存は全部を置き換え、版が進む。古い版を前提にした保存は断る。"""
    first, second = (await new_server(admin, name="s1"))["id"], (await new_server(admin, name="s2"))["id"]
    job = await new_job(admin, first, second, env={"A": "1"}, description="old")
    path = f"/jobs/{job['id']}"
    answer = await admin.put(path, json=job_body(second, first, script="true\n"), headers={"If-Match": '"1"'})
    changed = found(answer)
    assert (changed["env"], changed["description"], changed["script"]) == ({}, "", "true\n")
    assert [server["id"] for server in changed["servers"]] == [second, first]
    assert answer.headers["etag"] == '"2"'
    late = await admin.put(path, json=job_body(), headers={"If-Match": '"1"'})
    assert problem(late, 412)["code"] == "version_conflict"
    assert len(found(await admin.get(path))["servers"]) == 2


async def test_refused_edit_changes_nothing(api: Api, admin: httpx.AsyncClient) -> None:
    """名前の取り合いに負けた保存は、サーバの並びも変えない。"""
    server = await new_server(admin)
    await new_job(admin, name="taken")
    job = await new_job(admin, server["id"])
    refused = await admin.put(f"/jobs/{job['id']}", json=job_body(name="taken"))
    assert problem(refused, 409)["code"] == "name_taken"
    async with api.transactions.begin() as tx:
        assert (await tx.connection.execute(select(job_servers.c.server_id))).scalars().all() == [
            server["id"]
        ]


async def test_disable_and_enable(admin: httpx.AsyncClient) -> None:
    """止めたジョブは一覧で見分けられ、また動かせるようにできる。"""
    job = await new_job(admin)
    path = f"/jobs/{job['id']}"
    assert found(await admin.put(path, json=job_body(enabled=False)))["enabled"] is False
    assert len(found(await admin.get("/jobs", params={"enabled": "false"}))["items"]) == 1
    assert found(await admin.get("/jobs", params={"enabled": "true"}))["items"] == []
    assert found(await admin.put(path, json=job_body()))["enabled"] is True


async def test_duplicate(admin: httpx.AsyncClient) -> None:
    """複製は、名前のほかは同じ中身の、別のジョブ。同じ名前では作れない。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"], env={"A": "1"}, enabled=False)
    path = f"/jobs/{job['id']}/duplicate"
    copy = created(await admin.post(path, json={"name": "copy"}))
    own = {"id", "name", "created_at", "updated_at"}
    assert {name: copy[name] for name in copy.keys() - own} == {name: job[name] for name in job.keys() - own}
    assert problem(await admin.post(path, json={"name": "hello"}), 409)["code"] == "name_taken"
    assert field_codes(await admin.post(path, json={"name": "\n"})) == {"name": "required"}
    assert (
        problem(await admin.post("/jobs/999/duplicate", json={"name": "x"}), 404)["code"] == "job_not_found"
    )


async def test_list_filters_and_pages(admin: httpx.AsyncClient) -> None:
    """名前・説明・サーバで絞れ、頁をまたいでも重ならない。"""
    server = await new_server(admin)
    for name in ("c", "B", "a"):
        await new_job(admin, server["id"], name=name, description=f"about {name}")
    await new_job(admin, name="other")
    first = found(await admin.get("/jobs", params={"limit": 2, "server_id": server["id"]}))
    query = {"limit": 2, "server_id": server["id"], "cursor": first["next_cursor"]}
    second = found(await admin.get("/jobs", params=query))
    assert [job["name"] for job in first["items"] + second["items"]] == ["a", "B", "c"]
    assert second["next_cursor"] is None
    found_by_text = found(await admin.get("/jobs", params={"q": "ABOUT b"}))["items"]
    assert [job["name"] for job in found_by_text] == ["B"]


async def test_list_shows_the_last_execution(api: Api, admin: httpx.AsyncClient) -> None:
    """一覧は、ジョブごとの最後の実行を添える。"""
    placed = await place_execution(api.transactions)
    async with api.transactions.begin() as tx:
        await tx.connection.execute(update(jobs).values(spec=EMPTY_SPEC))
        await tx.connection.execute(update(executions).values(state="failed"))
    await new_job(admin, name="never run")
    listed = {job["name"]: job["last_execution"] for job in found(await admin.get("/jobs"))["items"]}
    assert listed.pop("never run") is None
    (last,) = listed.values()
    assert (last["id"], last["state"]) == (placed.id, "failed")


async def test_delete_keeps_the_history(api: Api, admin: httpx.AsyncClient) -> None:
    """ジョブを消しても実行の記録は残り、ジョブの名前で読める。"""
    placed = await place_execution(api.transactions)
    async with api.transactions.begin() as tx:
        job_id = (await tx.executions.get(placed.id)).job_id
        await tx.connection.execute(update(jobs).values(spec=EMPTY_SPEC))
    assert (await admin.delete(f"/jobs/{job_id}")).status_code == 204
    assert problem(await admin.delete(f"/jobs/{job_id}"), 404)["code"] == "job_not_found"
    async with api.transactions.begin() as tx:
        left = await tx.executions.get(placed.id)
    assert left.job_id is None
    assert left.job_name.startswith("job-")


async def test_viewer_reads_only(api: Api) -> None:
    """閲覧者と運用者は読むだけで、書くのは編集者から。"""
    for role, status in ((Role.VIEWER, 403), (Role.OPERATOR, 403), (Role.EDITOR, 201)):
        async with api.client(role) as client:
            found(await client.get("/jobs"))
            assert (await client.post("/jobs", json=job_body(name=role))).status_code == status
