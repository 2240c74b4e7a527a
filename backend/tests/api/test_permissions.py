"""権限の表と、「なぜできないのか」への答え。"""

import httpx
import pytest

from harness.api import Api, created, found, problem
from tsubame.business.shared.permissions import Permission, Role


async def test_the_table_is_the_one_in_use(api: Api) -> None:
    """表には、全部の権限が、要る役割とともに並ぶ。だれでも見られる。"""
    async with api.client(Role.VIEWER) as viewer:
        table = found(await viewer.get("/permissions"))
    assert table["roles"] == ["viewer", "operator", "editor", "admin"]
    rules = {rule["permission"]: rule for rule in table["rules"]}
    assert set(rules) == set(Permission)
    assert rules["job:write"] == {
        "permission": "job:write",
        "needed": "editor",
        "whole_installation": False,
    }
    assert rules["worker:drain"]["whole_installation"]


@pytest.mark.parametrize(
    ("roles", "permission", "answer"),
    [
        ((Role.EDITOR, None), "job:write", ("allowed_everywhere", True)),
        ((Role.VIEWER, Role.EDITOR), "job:write", ("allowed_here", True)),
        ((None, Role.VIEWER), "job:write", ("too_weak", False)),
        ((None, None), "job:write", ("no_role", False)),
        ((None, Role.ADMIN), "worker:drain", ("needs_everywhere", False)),
        ((Role.VIEWER, Role.OPERATOR), "worker:drain", ("too_weak", False)),
    ],
)
async def test_the_answer_names_the_rule(
    api: Api, roles: tuple[Role | None, Role | None], permission: str, answer: tuple[str, bool]
) -> None:
    """答えは、できるか、どの役割がどこで効いたか(足りなかったか)を言う。"""
    everywhere, here = roles
    person = await api.add_user(everywhere, "alice")
    async with api.client() as admin:
        project = created(await admin.post("/projects", json={"name": "shop"}))["id"]
        if here is not None:
            await admin.put(f"/projects/{project}/members/{person.id}", json={"role": here})
        asked = {"user_id": person.id, "permission": permission, "project_id": project}
        told = found(await admin.get("/permissions/explain", params=asked))
    assert (told["verdict"], told["allowed"]) == answer
    assert (told["everywhere"], told["here"]) == roles
    assert (told["username"], told["project_name"]) == ("alice", "shop")


async def test_anyone_may_ask_about_himself(api: Api) -> None:
    """自分のことはだれでも尋ねられ、ほかの人のことは断られる。"""
    other = await api.add_user(Role.ADMIN, "boss")
    me = await api.add_user(Role.VIEWER, "me")
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {api.token_of(me)}"
        mine = await client.get("/permissions/explain", params={"user_id": me.id, "permission": "job:write"})
        assert found(mine)["verdict"] == "too_weak"
        theirs = await client.get(
            "/permissions/explain", params={"user_id": other.id, "permission": "job:write"}
        )
        assert problem(theirs, 403)["code"] == "permission_denied"


async def test_unknown_people_are_not_found(admin: httpx.AsyncClient) -> None:
    """いない人のことを尋ねると、いないと答える。"""
    answer = await admin.get("/permissions/explain", params={"user_id": 9999, "permission": "job:write"})
    assert problem(answer, 404)["code"] == "user_not_found"
