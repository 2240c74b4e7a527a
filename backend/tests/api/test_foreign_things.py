"""本文の中の番号も、ほかのプロジェクトの物を指せない。"""

from typing import Any

from harness.api import Api
from harness.two_projects import MARK, Things, TwoProjects, Who
from tsubame.business.shared.permissions import Role


def server(at: Things) -> dict[str, Any]:
    return {"name": "s", "host": "127.0.0.1", "username": "x", "credential_id": at.credential_id}


async def test_bodies_cannot_point_at_others(api: Api) -> None:
    """本文で、よそのプロジェクトの認証情報・踏み台・サーバを指しても、ないものとして断られる。"""
    world = TwoProjects(api)
    await world.prepare()
    ours, theirs = world.own, world.other
    pointing: list[tuple[str, dict[str, Any], int]] = [
        ("POST /servers", server(theirs), 422),
        (f"PUT /servers/{ours.server_id}", server(theirs), 422),
        ("POST /servers", server(ours) | {"jump_server_id": theirs.server_id}, 422),
        (
            "POST /servers",
            server(ours) | {"sudo_user": "root", "sudo_credential_id": theirs.credential_id},
            422,
        ),
        ("POST /jobs", {"name": "j", "script": "", "server_ids": [theirs.server_id]}, 422),
        (f"PUT /jobs/{ours.job_id}", {"name": "j", "script": "", "server_ids": [theirs.server_id]}, 422),
        (f"POST /jobs/{ours.job_id}/executions", {"server_ids": [theirs.server_id]}, 422),
        ("POST /commands", {"command": "true", "server_ids": [theirs.server_id]}, 422),
        ("POST /commands", {"command": "true", "selector": MARK}, 422),
    ]
    for who in (Who(None, Role.ADMIN), Who(Role.ADMIN)):
        async with world.api.anonymous() as client:
            client.headers["Authorization"] = f"Bearer {await world.token_of(who)}"
            for route, body, status in pointing:
                method, path = route.split()
                answer = await client.request(method, path, json=body)
                assert answer.status_code in {status, 409}, (who, route, answer.text)
            resolved = await client.post(
                "/servers/resolve", json={"server_ids": [theirs.server_id], "project_id": ours.project_id}
            )
            assert resolved.json() == {"items": []}
            merged = f"/executions/{ours.execution_id}/log/merged?target_ids={theirs.target_id}"
            assert (await client.get(merged)).status_code == 404
