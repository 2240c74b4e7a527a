"""プロジェクトを変える道の、うまくいく場面。"""

from typing import Any, Final

from harness.api import created, found
from harness.scenes import Call, Scene, World, simply


async def _project(world: World) -> int:
    project_id: int = created(await (await world.admin()).post("/projects", json={"name": "shop"}))["id"]
    return project_id


def on_project(body: dict[str, Any] | None = None) -> Scene:
    """空のプロジェクト。"""

    async def scene(world: World) -> Call:
        return Call(await world.admin(), body, {"project_id": await _project(world)})

    return scene


async def newcomer_scene(world: World) -> Call:
    person = await world.api.add_user(None, "newcomer")
    params = {"project_id": await _project(world), "user_id": person.id}
    return Call(await world.admin(), {"role": "editor"}, params)


async def member_scene(world: World) -> Call:
    call = await newcomer_scene(world)
    place = f"/projects/{call.params['project_id']}/members/{call.params['user_id']}"
    found(await call.client.put(place, json=call.body))
    return Call(call.client, None, call.params)


PROJECT_SCENES: Final[dict[str, Scene]] = {
    "POST /api/v1/projects": simply(name="web"),
    "PUT /api/v1/projects/{project_id}": on_project({"name": "renamed"}),
    "DELETE /api/v1/projects/{project_id}": on_project(),
    "PUT /api/v1/projects/{project_id}/members/{user_id}": newcomer_scene,
    "DELETE /api/v1/projects/{project_id}/members/{user_id}": member_scene,
}
