"""変数と秘密の道。"""

import base64
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from harness.api import Api, created, field_codes, found, problem
from harness.factories import new_job, new_server
from harness.two_projects import TwoProjects, Who
from tsubame.business.shared.ids import VariableId
from tsubame.business.shared.permissions import Role
from tsubame.business.variables.entities import EVERYWHERE
from tsubame.business.variables.sealing import content_of
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.variables import variables

SECRET = "hunter2-hunter2"


async def add(client: httpx.AsyncClient, **body: object) -> dict[str, Any]:
    plain = {"scope": "global", "name": "TOKEN", "kind": "secret", "value": SECRET}
    return created(await client.post("/variables", json=plain | body))


async def test_secret_is_sealed_and_never_returned(api: Api, admin: httpx.AsyncClient) -> None:
    """秘密は暗号でしまわれ、どの応答にも監査記録にも出ない。"""
    variable = await add(admin)
    listed = found(await admin.get("/variables", params={"scope": "global"}))
    assert (variable["value"], variable["has_value"], variable["maskable"]) == (None, True, True)
    assert SECRET not in f"{variable}{listed}"
    async with api.transactions.begin() as tx:
        [stored] = await tx.variables.stored([EVERYWHERE])
        details = (await tx.connection.execute(select(audit_events))).all()
    assert stored.sealed is not None
    assert SECRET not in stored.sealed + str(details)
    content = content_of(FernetVault(api.keys), stored)
    assert content is not None
    assert content.text() == SECRET


async def test_ciphertext_does_not_open_in_another_row(api: Api, admin: httpx.AsyncClient) -> None:
    """暗号文をよその行へ写しても開かない。"""
    first, second = await add(admin), await add(admin, name="OTHER", value="another-value")
    async with api.transactions.begin() as tx:
        rows = {stored.id: stored for stored in await tx.variables.stored([EVERYWHERE])}
        await tx.connection.execute(
            update(variables)
            .where(variables.c.id == second["id"])
            .values(sealed=rows[VariableId(first["id"])].sealed)
        )
    async with api.transactions.begin() as tx:
        rows = {stored.id: stored for stored in await tx.variables.stored([EVERYWHERE])}
    with pytest.raises(Exception, match="another place"):
        content_of(FernetVault(api.keys), rows[VariableId(second["id"])])


async def test_binary_file_survives(api: Api, admin: httpx.AsyncClient) -> None:
    """ファイルの秘密は、どのバイトもそのままで、64 KiB を超えると断る。"""
    raw = bytes(range(256)) * 256
    await add(admin, kind="file", value=None, file_base64=base64.b64encode(raw).decode())
    async with api.transactions.begin() as tx:
        [stored] = await tx.variables.stored([EVERYWHERE])
    content = content_of(FernetVault(api.keys), stored)
    assert content is not None
    assert content.raw == raw
    large = base64.b64encode(raw + b"x").decode()
    body = {"scope": "global", "name": "BIG", "kind": "file", "file_base64": large}
    assert field_codes(await admin.post("/variables", json=body)) == {"value": "file_too_large"}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"name": "1ST"}, {"name": "env_name_invalid"}),
        ({"name": "A-B"}, {"name": "env_name_invalid"}),
        ({"name": "TSUBAME_RUN_ID"}, {"name": "env_name_reserved"}),
        ({"value": ""}, {"value": "required"}),
        ({"value": None}, {"value": "required"}),
        ({"value": "a\0b"}, {"value": "nul_character"}),
        ({"value": "x" * 131_071}, {"value": "env_value_too_large"}),
        ({"file_base64": "eHg="}, {"file_base64": "not_for_this_kind"}),
        ({"kind": "file"}, {"value": "not_for_this_kind"}),
        ({"owner_id": 1}, {"owner_id": "owner_mismatch"}),
        ({"scope": "project"}, {"owner_id": "owner_mismatch"}),
        ({"scope": "execution", "owner_id": 1}, {"scope": "scope_at_start_only"}),
        ({"scope": "job", "owner_id": 1, "kind": "plain"}, {"kind": "plain_belongs_to_job"}),
    ],
)
async def test_bad_input(admin: httpx.AsyncClient, changes: dict[str, object], codes: dict[str, str]) -> None:
    """受け取れないものは、欄ごとに断る。"""
    server = await new_server(admin)
    await new_job(admin, server["id"])
    body = {"scope": "global", "name": "TOKEN", "kind": "secret", "value": SECRET} | changes
    assert field_codes(await admin.post("/variables", json=body)) == codes


async def test_refused_value_is_not_echoed(admin: httpx.AsyncClient) -> None:
    """断るときも、送られた値を返さない。"""
    body = {"scope": "global", "name": "X", "kind": "secret", "value": SECRET + "\0", "extra": SECRET}
    answer = await admin.post("/variables", json=body)
    assert answer.status_code == 422
    assert SECRET not in answer.text


async def test_short_secret_says_it_cannot_be_masked(admin: httpx.AsyncClient) -> None:
    """四文字に満たない秘密はしまえるが、伏せられないと言う。"""
    assert (await add(admin, value="abc"))["maskable"] is False
    assert (await add(admin, name="LONGER", value="abcd"))["maskable"] is True


async def test_update_keeps_or_replaces_the_value(api: Api, admin: httpx.AsyncClient) -> None:
    """値を省けば今のまま、渡せば替わる。種類を変えるなら値が要る。記録に残るのは「変わった」だけ。"""
    variable = await add(admin)
    path = f"/variables/{variable['id']}"
    renamed = found(await admin.put(path, json={"name": "RENAMED", "kind": "secret"}))
    assert (renamed["name"], renamed["version"]) == ("RENAMED", 2)
    refused = await admin.put(path, json={"name": "RENAMED", "kind": "plain"})
    assert field_codes(refused) == {"value": "required"}
    stale = {"if-match": '"1"'}
    body = {"name": "RENAMED", "kind": "secret", "value": "fresh-value"}
    assert problem(await admin.put(path, json=body, headers=stale), 412)["code"] == "version_conflict"
    found(await admin.put(path, json=body))
    async with api.transactions.begin() as tx:
        [stored] = await tx.variables.stored([EVERYWHERE])
        details = (await tx.connection.execute(select(audit_events.c.details))).scalars().all()
    content = content_of(FernetVault(api.keys), stored)
    assert content is not None
    assert content.text() == "fresh-value"
    assert details[-1]["changes"] == {"value": "changed"}


async def test_names_are_unique_in_one_place(admin: httpx.AsyncClient) -> None:
    """同じ所には同じ名前を一つだけ。違う所なら、同じ名前を置ける。"""
    await add(admin)
    body = {"scope": "global", "name": "TOKEN", "kind": "plain", "value": "x"}
    assert problem(await admin.post("/variables", json=body), 409)["code"] == "name_taken"
    await add(admin, scope="project", owner_id=1)


async def test_job_secret_and_job_env_do_not_share_a_name(admin: httpx.AsyncClient) -> None:
    """ジョブの秘密と、ジョブの中身に書いた変数は、同じ名前を使えない。どちらの側からも断る。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"], env={"MODE": "fast"})
    body = {"scope": "job", "owner_id": job["id"], "name": "MODE", "kind": "secret", "value": SECRET}
    assert problem(await admin.post("/variables", json=body), 409)["code"] == "name_taken"
    created(await admin.post("/variables", json=body | {"name": "TOKEN"}))
    changed = {"name": job["name"], "script": "true", "env": {"TOKEN": "x"}}
    answer = await admin.put(f"/jobs/{job['id']}", json=changed)
    assert field_codes(answer) == {"env.TOKEN": "env_name_is_secret"}


async def test_environment_shows_origin_and_what_is_hidden(admin: httpx.AsyncClient) -> None:
    """効く変数と隠れた変数を、強い順に、出どころとともに見せる。秘密の値は見せない。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"], env={"MODE": "job"})
    await add(admin, name="MODE", kind="plain", value="global")
    await add(admin, name="MODE", scope="project", owner_id=1)
    await add(admin, name="MODE", kind="plain", value="server", scope="server", owner_id=server["id"])
    await add(admin, name="TOKEN", scope="job", owner_id=job["id"])
    path = f"/jobs/{job['id']}/environment"
    shown = found(await admin.get(path, params={"server_id": server["id"]}))["items"]
    assert [(row["name"], row["scope"], row["value"], row["overridden_by"]) for row in shown] == [
        ("MODE", "job", "job", None),
        ("MODE", "server", "server", "job"),
        ("MODE", "project", None, "job"),
        ("MODE", "global", "global", "job"),
        ("TOKEN", "job", None, None),
    ]
    assert SECRET not in str(shown)
    without = found(await admin.get(path))["items"]
    assert [row["scope"] for row in without if row["name"] == "MODE"] == ["job", "project", "global"]


async def test_global_variables_need_an_admin(api: Api) -> None:
    """編集者はプロジェクトの変数を書けるが、全体の変数は読むだけ。"""
    async with api.client(Role.EDITOR) as editor:
        await add(editor, scope="project", owner_id=1)
        body = {"scope": "global", "name": "TOKEN", "kind": "secret", "value": SECRET}
        assert (await editor.post("/variables", json=body)).status_code == 403
        assert found(await editor.get("/variables", params={"scope": "global"})) == {"items": []}


async def test_a_project_variable_is_for_those_who_see_the_project(api: Api) -> None:
    """見えないプロジェクトの変数は、ないのと同じ。見えても、編集者でなければ書けない。"""
    world = TwoProjects(api)
    await world.prepare()
    statuses = {}
    async with api.anonymous() as client:
        for who in (Who(None, Role.VIEWER), Who(None, Role.EDITOR)):
            client.headers["Authorization"] = f"Bearer {await world.token_of(who)}"
            for place, things in (("own", world.own), ("other", world.other)):
                query: dict[str, str | int] = {"scope": "project", "owner_id": things.project_id}
                listed = await client.get("/variables", params=query)
                job = {"scope": "job", "owner_id": things.job_id, "name": "X"}
                body = {"kind": "secret", "value": SECRET}
                added = await client.post("/variables", json=job | body)
                statuses[who.member, place] = (listed.status_code, added.status_code)
    assert statuses == {
        (Role.VIEWER, "own"): (200, 403),
        (Role.VIEWER, "other"): (404, 404),
        (Role.EDITOR, "own"): (200, 201),
        (Role.EDITOR, "other"): (404, 404),
    }


async def test_variables_go_with_their_owner(api: Api, admin: httpx.AsyncClient) -> None:
    """サーバやジョブを消すと、そこに置いた変数も消える。"""
    server = await new_server(admin)
    job = await new_job(admin)
    await add(admin, scope="server", owner_id=server["id"])
    await add(admin, scope="job", owner_id=job["id"])
    for path in (f"/servers/{server['id']}", f"/jobs/{job['id']}"):
        assert (await admin.delete(path)).status_code == 204
    async with api.transactions.begin() as tx:
        assert (await tx.connection.execute(select(variables.c.id))).all() == []


async def start(client: httpx.AsyncClient, job_id: int, *given: dict[str, str]) -> dict[str, Any]:
    body = {"variables": list(given)}
    return created(await client.post(f"/jobs/{job_id}/executions", json=body))


PLAIN = {"name": "MODE", "kind": "plain", "value": "slow"}
GIVEN = {"name": "TOKEN", "kind": "secret", "value": SECRET}


async def test_given_secrets_are_dropped_at_the_end(api: Api, admin: httpx.AsyncClient) -> None:
    """始めるときに渡した秘密は、暗号でしまわれ、実行が終わると消える。もう一度動かすには渡し直す。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"])
    execution = await start(admin, job["id"], PLAIN, GIVEN)
    path = f"/executions/{execution['id']}"
    shown = found(await admin.get(f"{path}/variables"))
    assert [(row["name"], row["value"]) for row in shown["given"]] == [("MODE", "slow"), ("TOKEN", None)]
    sealed = select(variables.c.sealed).where(variables.c.name == "TOKEN")
    async with api.transactions.begin() as tx:
        assert SECRET not in ((await tx.connection.execute(sealed)).scalar_one() or SECRET)
    found(await admin.post(f"{path}/cancel"))
    async with api.transactions.begin() as tx:
        assert (await tx.connection.execute(sealed)).scalar_one() is None

    refused = problem(await admin.post(f"{path}/rerun"), 409)
    assert (refused["code"], refused["params"]) == ("secrets_needed", {"names": "TOKEN"})
    assert problem(await admin.post(f"{path}/rerun-failed"), 409)["code"] == "secrets_needed"
    again = created(await admin.post(f"{path}/rerun", json={"variables": [GIVEN]}))
    given = found(await admin.get(f"/executions/{again['id']}/variables"))["given"]
    assert [(row["name"], row["value"]) for row in given] == [("MODE", "slow"), ("TOKEN", None)]
    retried = found(await admin.post(f"{path}/rerun-failed", json={"variables": [GIVEN]}))
    assert retried["state"] == "queued"


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ([{**GIVEN, "kind": "file"}], {"variables.0.kind": "file_not_at_start"}),
        ([PLAIN, PLAIN], {"variables.1.name": "duplicate"}),
        ([{**PLAIN, "name": "TSUBAME_X"}], {"variables.0.name": "env_name_reserved"}),
        ([{**GIVEN, "value": ""}], {"variables.0.value": "required"}),
    ],
)
async def test_bad_given_variables(
    admin: httpx.AsyncClient, given: list[dict[str, str]], codes: dict[str, str]
) -> None:
    """始めるときに渡せないものは、欄ごとに断る。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"])
    answer = await admin.post(f"/jobs/{job['id']}/executions", json={"variables": given})
    assert field_codes(answer) == codes
