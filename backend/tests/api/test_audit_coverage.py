"""何かを変える道は、どれも監査に残る。新しい道は、場面を書くか、残さないわけを書くまで落ちる。"""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api, created, found
from harness.executions import place_execution, place_worker
from harness.factories import credential_body, job_body, new_credential, new_job, new_server, server_body
from harness.oidc import OidcProvider
from harness.project_scenes import PROJECT_SCENES
from harness.remote_runs import follow, order
from harness.scenes import PASSWORD, Call, Scene, World, login_scene, simply
from harness.sign_in_scenes import SIGN_IN_SCENES
from harness.sshd import ME, PRIVATE_KEY, PUBLIC_LINE, start_sshd
from tsubame.business.servers.entities import HostKey
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.audit import audit_events
from tsubame.entrypoints.http_app import create_api_with_stream

SHOWN: Final = f"SHA256:{base64.b64encode(bytes(32)).decode().rstrip('=')}"
POLICY: Final = {"archive_after_days": 7, "keep_days": 30, "keep_executions": None}
# 残さない道と、そのわけ
SILENT: Final = {
    "POST /api/v1/auth/invitation": "読むだけ。リンクの値を URL に載せないために本文で受ける",
    "PUT /api/v1/me/preferences": "言語と見た目は、自分の画面にしか効かない",
    "POST /api/v1/auth/refresh": "十五分ごとに、開いているタブの数だけ来る。ログインと使い回しは残す",
    "POST /api/v1/servers/resolve": "読むだけ。条件が長いので本文で受ける",
    "POST /api/v1/servers/{server_id}/host-key/scan": "見せられた鍵を書き留めるだけ。信じるのは承認のとき",
    "POST /api/v1/targets/{target_id}/log/download-ticket": "読むだけ。ブラウザに通行証を渡さないための券",
    "POST /api/v1/storage/preview": "試しに数えるだけ",
    "POST /api/v1/auth/second-factor/enrolment": "鍵を見せるだけ。使い始めるのは、符号で確かめたとき",
    "POST /api/v1/auth/sso/providers/{provider_id}/start": "送り出すだけ。入ったときに残す",
    "POST /api/v1/auth/sso/link": "送り出すだけ。結びついたときに残す",
    "POST /api/v1/sign-in/providers/discover": "読んでみるだけ",
    "POST /api/v1/profile/second-factor": "鍵を見せるだけ。使い始めるのは、符号で確かめたとき",
}


def on_credential(body: dict[str, Any] | None = None) -> Scene:
    async def scene(world: World) -> Call:
        admin = await world.admin()
        return Call(admin, body, {"credential_id": (await new_credential(admin))["id"]})

    return scene


def on_server(**changes: Any) -> Scene:
    async def scene(world: World) -> Call:
        admin = await world.admin()
        server = await new_server(admin)
        body = server_body(server["credential_id"], **changes) if changes else None
        return Call(admin, body, {"server_id": server["id"]})

    return scene


def on_job(body: dict[str, Any] | None = None, **changes: Any) -> Scene:
    async def scene(world: World) -> Call:
        admin = await world.admin()
        job = await new_job(admin, (await new_server(admin))["id"], **changes)
        return Call(admin, body, {"job_id": job["id"]})

    return scene


def on_execution(*before: str, body: dict[str, Any] | None = None) -> Scene:
    """``before`` は、呼ぶ前に済ませておく操作。"""

    async def scene(world: World) -> Call:
        call = await on_job()(world)
        path = f"/jobs/{call.params['job_id']}/executions"
        execution_id = created(await call.client.post(path))["id"]
        for verb in before:
            found(await call.client.post(f"/executions/{execution_id}/{verb}"))
        return Call(call.client, body, {"execution_id": execution_id})

    return scene


async def new_server_scene(world: World) -> Call:
    admin = await world.admin()
    return Call(admin, server_body((await new_credential(admin))["id"]))


async def command_scene(world: World) -> Call:
    call = await on_server()(world)
    return Call(call.client, {"command": "true", "server_ids": [call.params["server_id"]]})


async def host_key_scene(world: World) -> Call:
    call = await on_server()(world)
    async with world.api.transactions.begin() as tx:
        key = HostKey("ssh-ed25519", PUBLIC_LINE, SHOWN)
        await tx.servers.offer_host_key(ServerId(call.params["server_id"]), key)
    return Call(call.client, {"fingerprint": SHOWN}, call.params)


async def run_scene(world: World) -> Call:
    admin = await world.admin()
    sshd = await start_sshd()
    world.stack.push_async_callback(sshd.stop)
    secret = {"kind": "ssh_key", "private_key": PRIVATE_KEY}
    credential = created(await admin.post("/credentials", json={"name": "key", **secret}))
    server = await new_server(admin, port=sshd.port, username=ME, credential_id=credential["id"])
    shown = {"fingerprint": sshd.host_key.fingerprint}
    found(await admin.post(f"/servers/{server['id']}/host-key/scan"))
    found(await admin.post(f"/servers/{server['id']}/host-key/approve", json=shown))
    wanted = order("echo hi\n")
    await follow(await world.api.ssh.runs.start(sshd.endpoint(), wanted))
    return Call(admin, None, {"server_id": server["id"], "run_id": wanted.run_id})


async def worker_scene(world: World) -> Call:
    return Call(await world.admin(), None, {"worker_id": await place_worker(world.api.transactions)})


async def drained_worker_scene(world: World) -> Call:
    call = await worker_scene(world)
    found(await call.client.post(f"/workers/{call.params['worker_id']}/drain"))
    return call


async def pinned_scene(world: World) -> Call:
    placed = await place_execution(world.api.transactions)
    admin = await world.admin()
    found(await admin.put(f"/executions/{placed.id}/pin"))
    return Call(admin, None, {"execution_id": placed.id})


def with_policy(place: str, name: str, prepare: Scene) -> Scene:
    async def scene(world: World) -> Call:
        call = await prepare(world)
        found(await call.client.put(f"/storage/policies/{place}/{call.params[name]}", json=POLICY))
        return Call(call.client, None, call.params)

    return scene


async def project_scene(world: World) -> Call:
    return Call(await world.admin(), POLICY, {"project_id": 1})


async def setup_scene(world: World) -> Call:
    token = await world.api.setup.issue_token()
    return Call(await world.anyone(), {"token": token, "username": "First", "password": PASSWORD})


async def logout_scene(world: World) -> Call:
    call = await login_scene(world)
    found(await call.client.post("/auth/login", json=call.body))
    return Call(call.client)


VARIABLE: Final = {"name": "TOKEN", "kind": "secret", "value": "hunter2-hunter2"}


async def variable_scene(world: World) -> Call:
    admin = await world.admin()
    variable = created(await admin.post("/variables", json={"scope": "global", **VARIABLE}))
    return Call(admin, VARIABLE, {"variable_id": variable["id"]})


def on_user(body: dict[str, Any] | None = None, *, before: str | None = None) -> Scene:
    """``before`` は、呼ぶ前に済ませておく操作。"""

    async def scene(world: World) -> Call:
        admin = await world.admin()
        user = await world.api.add_user(Role.EDITOR, "yuki")
        if before is not None:
            found(await admin.post(f"/users/{user.id}/{before}"))
        return Call(admin, body, {"user_id": user.id})

    return scene


async def invitation_scene(world: World) -> Call:
    admin = await world.admin()
    made = created(await admin.post("/invitations", json={"role": "viewer"}))
    return Call(admin, None, {"invitation_id": made["invitation"]["id"]})


async def join_scene(world: World) -> Call:
    made = created(await (await world.admin()).post("/invitations", json={"role": "viewer"}))
    token = made["path"].partition("#")[2]
    return Call(await world.anyone(), {"token": token, "username": "yuki", "password": PASSWORD})


async def signed_in_twice(world: World) -> Call:
    """同じ人のログインが二つある。``session_id`` は、呼ぶ側でないほう。"""
    call = await login_scene(world)
    for _ in range(2):
        # 別の端末なので、前の Cookie は持たない
        call.client.cookies.clear()
        token = found(await call.client.post("/auth/login", json=call.body))["access_token"]
        call.client.headers["Authorization"] = f"Bearer {token}"
    sessions = found(await call.client.get("/me/sessions"))["items"]
    other = next(session["id"] for session in sessions if not session["current"])
    return Call(call.client, {"password": PASSWORD}, {"session_id": other})


async def password_scene(world: World) -> Call:
    call = await signed_in_twice(world)
    return Call(call.client, {"current_password": PASSWORD, "new_password": f"{PASSWORD} staple"})


TOKEN: Final = {"name": "deploy", "scopes": ["job:read"], "lifetime_days": 1}


async def project_token_scene(world: World) -> Call:
    return Call(await world.admin(), TOKEN | {"role": "viewer"}, {"project_id": 1})


def with_token(path: str, name: str, **more: Any) -> Scene:
    """取り消すトークンがある。"""

    async def scene(world: World) -> Call:
        admin = await world.admin()
        made = created(await admin.post(path, json=TOKEN | more))
        return Call(admin, None, {"project_id": 1, name: made["token"]["id"]})

    return scene


SCENES: Final[dict[str, Scene]] = {
    "POST /api/v1/me/tokens": simply(**TOKEN),
    "DELETE /api/v1/me/tokens/{token_id}": with_token("/me/tokens", "token_id"),
    "POST /api/v1/projects/{project_id}/tokens": project_token_scene,
    "DELETE /api/v1/projects/{project_id}/tokens/{project_token_id}": with_token(
        "/projects/1/tokens", "project_token_id", role="viewer"
    ),
    **SIGN_IN_SCENES,
    **PROJECT_SCENES,
    "POST /api/v1/auth/join": join_scene,
    "POST /api/v1/me/password": password_scene,
    "POST /api/v1/me/sessions/end-others": signed_in_twice,
    "POST /api/v1/me/sessions/{session_id}/end": signed_in_twice,
    "POST /api/v1/users": simply(username="yuki", role="viewer"),
    "DELETE /api/v1/users/{user_id}": on_user(),
    "PUT /api/v1/users/{user_id}/role": on_user({"role": "viewer"}),
    "POST /api/v1/users/{user_id}/disable": on_user(),
    "POST /api/v1/users/{user_id}/enable": on_user(before="disable"),
    "POST /api/v1/users/{user_id}/reset-password": on_user(),
    "POST /api/v1/users/{user_id}/demand-new-password": on_user(),
    "POST /api/v1/users/{user_id}/end-sessions": on_user(),
    "POST /api/v1/invitations": simply(role="viewer"),
    "DELETE /api/v1/invitations/{invitation_id}": invitation_scene,
    "POST /api/v1/setup": setup_scene,
    "POST /api/v1/auth/login": login_scene,
    "POST /api/v1/auth/logout": logout_scene,
    "POST /api/v1/credentials": simply(**credential_body()),
    "POST /api/v1/credentials/generate": simply(name="generated"),
    "PUT /api/v1/credentials/{credential_id}": on_credential(credential_body(name="new")),
    "DELETE /api/v1/credentials/{credential_id}": on_credential(),
    "POST /api/v1/servers": new_server_scene,
    "PUT /api/v1/servers/{server_id}": on_server(port=2222),
    "DELETE /api/v1/servers/{server_id}": on_server(),
    "POST /api/v1/servers/{server_id}/host-key/approve": host_key_scene,
    "POST /api/v1/servers/{server_id}/test": on_server(),
    "DELETE /api/v1/servers/{server_id}/runs/{run_id}": run_scene,
    "POST /api/v1/variables": simply(scope="global", **VARIABLE),
    "PUT /api/v1/variables/{variable_id}": variable_scene,
    "DELETE /api/v1/variables/{variable_id}": variable_scene,
    "POST /api/v1/jobs": simply(**job_body()),
    "PUT /api/v1/jobs/{job_id}": on_job(job_body(script="echo new\n")),
    "DELETE /api/v1/jobs/{job_id}": on_job(),
    "POST /api/v1/jobs/{job_id}/duplicate": on_job({"name": "copy"}),
    "POST /api/v1/jobs/{job_id}/executions": on_job(),
    "POST /api/v1/commands": command_scene,
    "POST /api/v1/executions/{execution_id}/cancel": on_execution(),
    "POST /api/v1/executions/{execution_id}/rerun": on_execution("cancel"),
    "POST /api/v1/executions/{execution_id}/rerun-failed": on_execution("cancel"),
    "POST /api/v1/executions/{execution_id}/pause": on_execution(),
    "POST /api/v1/executions/{execution_id}/continue": on_execution("pause"),
    "PUT /api/v1/executions/{execution_id}/pin": on_execution(),
    "DELETE /api/v1/executions/{execution_id}/pin": pinned_scene,
    "PATCH /api/v1/queue/{execution_id}": on_execution(body={"priority": 3}),
    "PUT /api/v1/limits": simply(max_parallel=4),
    "POST /api/v1/audit/verification": simply(),
    "PUT /api/v1/audit/retention": simply(keep_days=30),
    "POST /api/v1/workers/{worker_id}/drain": worker_scene,
    "POST /api/v1/workers/{worker_id}/resume": drained_worker_scene,
    "PUT /api/v1/storage/policies/global": simply(**POLICY),
    "PUT /api/v1/storage/policies/projects/{project_id}": project_scene,
    "DELETE /api/v1/storage/policies/projects/{project_id}": with_policy(
        "projects", "project_id", project_scene
    ),
    "PUT /api/v1/storage/policies/jobs/{job_id}": on_job(POLICY),
    "DELETE /api/v1/storage/policies/jobs/{job_id}": with_policy("jobs", "job_id", on_job()),
}


@pytest.fixture
async def world(
    engine: AsyncEngine, database_url: str, tmp_path: Path, oidc: OidcProvider
) -> AsyncIterator[World]:
    api = Api(engine, database_url, tmp_path, outgoing_allowed=("127.0.0.1",))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(api.ssh.close)
        yield World(api, stack, oidc)


def test_every_changing_route_is_decided() -> None:
    """GET でない道は、ここに場面があるか、残さないわけがある。新しい道は、どちらかに足すこと。"""
    changing = {
        f"{method} {context.path}"
        for context in iter_route_contexts(create_api_with_stream().routes)
        for method in (getattr(context, "methods", None) or set()) - {"GET", "HEAD"}
    }
    assert sorted(changing) == sorted(SCENES.keys() | SILENT.keys())
    assert not SCENES.keys() & SILENT.keys()


@pytest.mark.parametrize("route", sorted(SCENES))
async def test_route_leaves_an_event(world: World, route: str) -> None:
    """その道がうまくいくと、だれが・どこから・何を、が残る。"""
    call = await SCENES[route](world)
    newest = await _newest(world.api)
    method, template = route.split()
    path = template.format(**call.params)
    answer = await call.client.request(method, f"http://tsubame.test{path}", json=call.body)
    assert answer.is_success, answer.text
    async with world.api.transactions.look() as tx:
        query = select(audit_events).where(audit_events.c.id > newest).order_by(audit_events.c.id)
        events = (await tx.connection.execute(query)).all()
    assert events
    assert all(event.outcome == "done" and event.actor_name and event.subject_type for event in events)
    assert {event.address for event in events} == {"127.0.0.1"}


async def _newest(api: Api) -> int:
    async with api.transactions.look() as tx:
        query = select(func.coalesce(func.max(audit_events.c.id), 0))
        newest: int = (await tx.connection.execute(query)).scalar_one()
        return newest
