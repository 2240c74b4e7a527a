"""WebSocket の購読ごとに、だれが通るかの表。新しい話題は、ここに載せるまで試験が落ちる。"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final, get_args

import pytest
from sqlalchemy import delete

from harness.api import Api
from harness.asgi_socket import AsgiSocket, asgi_socket
from harness.two_projects import EVERYBODY, Things, TwoProjects, Who, job_draft, server_draft
from tsubame.business.credentials.drafts import CredentialDraft
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import CredentialId, ExecutionId, JobId, ServerId
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.projects import project_members
from tsubame.presentation.ws.messages import Subscribe

VIEWER, OPERATOR, EDITOR, ADMIN = Role
# 物を指す話題は、その番号の項目。一覧の話題は、届く物だけが流れる
TOPICS: Final[dict[str, str | None]] = {
    "log": "target_id",
    "execution": "execution_id",
    "executions": None,
    "changes": None,
}


@pytest.fixture
async def world(api: Api) -> AsyncIterator[TwoProjects]:
    """合図の届く設置。"""
    made = TwoProjects(api)
    await made.prepare()
    listening = asyncio.create_task(api.foundation.bus.run(), name="test-bus")
    try:
        yield made
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


def test_every_topic_is_listed() -> None:
    """アプリケーションの話題と、この表が一致する。"""
    forms = get_args(get_args(Subscribe)[0])
    assert sorted(get_args(form.model_fields["topic"].annotation)[0] for form in forms) == sorted(TOPICS)


@pytest.mark.parametrize("who", EVERYBODY, ids=str)
async def test_everybody_at_every_topic(world: TwoProjects, who: Who) -> None:
    """自分の側の物は閲覧者から購読でき、よその物は、ない物と同じに断られる。"""
    async with asgi_socket(world.api.app, await world.token_of(who)) as socket:
        for topic, parameter in TOPICS.items():
            for own in (True, False):
                things = world.own if own else world.other
                more = {} if parameter is None else {parameter: getattr(things, parameter)}
                answer = await socket.ask(topic, **more)
                assert _answered(answer) == _expected(who, parameter, own=own), (topic, own)


def _answered(answer: dict[str, Any]) -> str:
    code: str = answer.get("code", "subscribed")
    return "not_found" if code.endswith("_not_found") else code


def _expected(who: Who, parameter: str | None, *, own: bool) -> str:
    if who.strongest is None:
        return "permission_denied"
    seen = parameter is None or who.role_in(own=own) is not None
    return "subscribed" if seen else "not_found"


async def test_only_changes_within_reach_are_told(world: TwoProjects) -> None:
    """変わりの知らせは、届くプロジェクトの分だけが流れる。読めない種類(閲覧者に認証情報)も流れない。"""
    async with asgi_socket(world.api.app, await world.token_of(Who(None, VIEWER))) as socket:
        await socket.ask("changes", id=1)
        await socket.ask("executions", id=2)
        await _touch_everything(world, world.other)
        await _touch_everything(world, world.own)
        told = await _hear_until(socket, ("jobs", world.own.job_id), ("executions", world.own.execution_id))
    assert told >= {("servers", world.own.server_id)}
    assert told.isdisjoint(
        {
            ("servers", world.other.server_id),
            ("jobs", world.other.job_id),
            ("executions", world.other.execution_id),
        }
    )
    assert not any(room == "credentials" for room, _ in told)


async def test_everything_is_told_to_those_who_see_everything(world: TwoProjects) -> None:
    """どこでも読める人には、どのプロジェクトの変わりも流れる。"""
    async with asgi_socket(world.api.app, await world.token_of(Who(OPERATOR))) as socket:
        await socket.ask("changes", id=1)
        await socket.ask("executions", id=2)
        await _touch_everything(world, world.other)
        other = world.other
        await _hear_until(
            socket,
            ("servers", other.server_id),
            ("jobs", other.job_id),
            ("credentials", other.credential_id),
            ("executions", other.execution_id),
        )


async def test_lost_role_ends_the_log(world: TwoProjects) -> None:
    """購読しているあいだに一員でなくなると、通行証を確かめ直したところで、ログは流れなくなる。"""
    token = await world.token_of(Who(None, VIEWER))
    async with asgi_socket(world.api.app, token) as socket:
        await socket.ask("log", id=7, target_id=world.own.target_id)
        async with world.api.transactions.begin() as tx:
            await tx.connection.execute(delete(project_members))
        await socket.send(type="authenticate", token=token)
        await world.api.services.executions.cancel(SYSTEM, ExecutionId(world.own.execution_id))
        while (message := await socket.receive())["type"] != "error":
            assert message["type"] != "log_end"
    assert message["id"] == 7


async def _touch_everything(world: TwoProjects, things: Things) -> None:
    """ひとそろいを、名前を変えずに保存し直す。"""
    services = world.api.services
    server = await services.servers.get(SYSTEM, ServerId(things.server_id))
    draft = server_draft(server.name, CredentialId(things.credential_id), tag="touched")
    await services.servers.update(SYSTEM, server.id, draft, None)
    credential = await services.credentials.get(SYSTEM, CredentialId(things.credential_id))
    await services.credentials.update(
        SYSTEM, credential.id, CredentialDraft(credential.name, credential.kind), None
    )
    await services.executions.cancel(SYSTEM, ExecutionId(things.execution_id))
    job = await services.jobs.get(SYSTEM, JobId(things.job_id))
    await services.jobs.update(SYSTEM, job.id, job_draft(job.name, ServerId(things.server_id)), None)


async def _hear_until(socket: AsgiSocket, *wanted: tuple[str, int]) -> set[tuple[str, int]]:
    """欲しいものがそろうまでに聞いた、部屋と番号。"""
    told: set[tuple[str, int]] = set()
    while not told.issuperset(wanted):
        message = await socket.receive()
        if message["type"] == "changed":
            told.add((message["room"], message["entity_id"]))
        elif message["type"] == "executions":
            told |= {("executions", item["id"]) for item in message["items"]}
    return told
