"""プロジェクト: 作る、直す、消す、一員を決める。"""

import httpx
from sqlalchemy import select

from harness.api import Api, created, field_codes, found, problem
from harness.factories import new_credential, new_job, new_server
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.audit import audit_events


async def new_project(client: httpx.AsyncClient, name: str = "shop") -> int:
    project_id: int = created(await client.post("/projects", json={"name": name}))["id"]
    return project_id


async def test_create_and_rename(admin: httpx.AsyncClient) -> None:
    """作ると一覧に名前の順で並び、名前は直せる。同じ名前と空の名前は断られる。"""
    project_id = await new_project(admin)
    changed = found(await admin.put(f"/projects/{project_id}", json={"name": " Shop 2 ", "max_parallel": 3}))
    assert (changed["name"], changed["max_parallel"], changed["member_count"]) == ("Shop 2", 3, 0)
    names = [project["name"] for project in found(await admin.get("/projects"))["items"]]
    assert names == sorted(names, key=str.casefold)
    assert "Shop 2" in names
    assert problem(await admin.post("/projects", json={"name": "Shop 2"}), 409)["code"] == "name_taken"
    assert field_codes(await admin.post("/projects", json={"name": "  "})) == {"name": "required"}


async def test_only_an_empty_project_is_deleted(admin: httpx.AsyncClient) -> None:
    """物の残るプロジェクトは、何がいくつ残るかを言って断り、空になれば消せる。既定のものは消せない。"""
    project_id = await new_project(admin)
    credential = await new_credential(admin, name="c", project_id=project_id)
    server = await new_server(admin, credential_id=credential["id"], project_id=project_id)
    refusal = problem(await admin.delete(f"/projects/{project_id}"), 409)
    assert refusal["code"] == "project_not_empty"
    assert refusal["params"] == {"servers": 1, "jobs": 0, "credentials": 1, "executions": 0}
    await admin.delete(f"/servers/{server['id']}")
    await admin.delete(f"/credentials/{credential['id']}")
    assert (await admin.delete(f"/projects/{project_id}")).status_code == 204
    assert problem(await admin.get(f"/projects/{project_id}"), 404)["code"] == "project_not_found"
    assert problem(await admin.delete("/projects/1"), 409)["code"] == "default_project_stays"


async def test_members_come_and_go(api: Api, admin: httpx.AsyncClient) -> None:
    """一員にした人はその場で入れ、役割を替えられ、外すとその場で入れなくなる。"""
    project_id = await new_project(admin)
    job = await new_job(admin, project_id=project_id)
    person = await api.add_user(None, "alice")
    place = f"/projects/{project_id}/members/{person.id}"
    async with api.anonymous() as alice:
        alice.headers["Authorization"] = f"Bearer {api.token_of(person)}"
        assert (await alice.get(f"/jobs/{job['id']}")).status_code == 403
        assert found(await admin.put(place, json={"role": "viewer"}))["role"] == "viewer"
        assert found(await alice.get(f"/jobs/{job['id']}"))["project_id"] == project_id
        assert found(await alice.get("/auth/me"))["projects"][0]["role"] == "viewer"
        await admin.put(place, json={"role": "editor"})
        assert (await alice.delete(f"/jobs/{job['id']}")).status_code == 204
        assert (await admin.delete(place)).status_code == 204
        assert (await alice.get("/projects")).status_code == 403
    assert problem(await admin.delete(place), 404)["code"] == "member_not_found"
    nobody = await admin.put(f"/projects/{project_id}/members/9999", json={"role": "viewer"})
    assert problem(nobody, 404)["code"] == "member_not_found"


async def test_members_list_shows_who_gets_in_anyway(api: Api, admin: httpx.AsyncClient) -> None:
    """一員のあとに、どこでも効く役割だけで入れる人が並ぶ。入れない人は並ばない。"""
    project_id = await new_project(admin)
    outsider = await api.add_user(None, "outsider")
    member = await api.add_user(Role.VIEWER, "zoe")
    await admin.put(f"/projects/{project_id}/members/{member.id}", json={"role": "operator"})
    listed = found(await admin.get(f"/projects/{project_id}/members"))["items"]
    assert [(each["username"], each["role"], each["everywhere"]) for each in listed] == [
        ("zoe", "operator", "viewer"),
        ("admin-user", None, "admin"),
    ]
    assert outsider.id not in {each["user_id"] for each in listed}


async def test_project_admin_cannot_raise_the_limit(api: Api, admin: httpx.AsyncClient) -> None:
    """プロジェクトの管理者は名前を直せるが、皆で分け合う同時実行の数は変えられない。"""
    project_id = await new_project(admin)
    person = await api.add_user(None, "chief")
    await admin.put(f"/projects/{project_id}/members/{person.id}", json={"role": "admin"})
    async with api.anonymous() as chief:
        chief.headers["Authorization"] = f"Bearer {api.token_of(person)}"
        renamed = await chief.put(f"/projects/{project_id}", json={"name": "ours"})
        assert found(renamed)["name"] == "ours"
        raised = await chief.put(f"/projects/{project_id}", json={"name": "ours", "max_parallel": 500})
        assert problem(raised, 403)["params"]["permission"] == "limit:write"
        assert problem(await chief.delete(f"/projects/{project_id}"), 403)["code"] == "permission_denied"


async def test_names_are_taken_only_within_a_project(admin: httpx.AsyncClient) -> None:
    """同じ名前のサーバを、別々のプロジェクトに置ける。一覧はプロジェクトで絞れる。"""
    project_id = await new_project(admin)
    ours = await new_credential(admin, name="same")
    theirs = await new_credential(admin, name="same", project_id=project_id)
    await new_server(admin, name="web", credential_id=ours["id"])
    await new_server(admin, name="web", credential_id=theirs["id"], project_id=project_id)
    listed = found(await admin.get("/servers", params={"project_id": project_id}))["items"]
    assert [(each["name"], each["project_id"]) for each in listed] == [("web", project_id)]


async def test_who_let_whom_in_is_recorded(api: Api, admin: httpx.AsyncClient) -> None:
    """だれをどの役割にしたかが、前後の差とともに監査に残る。同じ役割にし直しても、記録は増えない。"""
    project_id = await new_project(admin)
    person = await api.add_user(None, "alice")
    place = f"/projects/{project_id}/members/{person.id}"
    for role in ("viewer", "viewer", "editor"):
        await admin.put(place, json={"role": role})
    await admin.delete(place)
    async with api.transactions.begin() as tx:
        rows = await tx.connection.execute(
            select(audit_events.c.details)
            .where(audit_events.c.action == "project.member_changed")
            .order_by(audit_events.c.id)
        )
        roles = [details["changes"]["role"] for details in rows.scalars()]
    assert [(change["from"], change["to"]) for change in roles] == [
        (None, "viewer"),
        ("viewer", "editor"),
        ("editor", None),
    ]
