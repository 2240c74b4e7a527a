"""監査記録を読む道: 絞る、めくる、書き出す、確かめる、残す日数。"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from harness.api import Api, field_codes, found, problem
from harness.auditing import event
from harness.two_projects import TwoProjects, Who
from tsubame.business.audit.entities import AuditFilter, Outcome
from tsubame.business.audit.exports import check_export
from tsubame.business.audit.keeper import AuditKeeper
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.business.shared.ids import DEFAULT_PROJECT, ProjectId, UserId
from tsubame.business.shared.paging import PageRequest
from tsubame.business.shared.permissions import Role

BOB = Actor(UserId(2), "bob", Role.EDITOR, address="198.51.100.9", token="deploy-bot")


@pytest.fixture
async def trail(api: Api) -> None:
    """alice の三つと、bob の二つ(一つは断られたもの)。"""
    async with api.transactions.begin() as tx:
        await tx.audit.record(*(event(number, project_id=ProjectId(1)) for number in (1, 2, 3)))
        await tx.audit.record(
            event(4, actor=BOB, action="server.deleted", subject_type="server", project_id=ProjectId(2)),
            event(5, actor=BOB, action="access.refused", subject_type="door", outcome=Outcome.REFUSED),
        )
    await AuditKeeper(api.transactions, api.clock).link()


def ids(page: dict[str, Any]) -> list[int]:
    return [item["id"] for item in page["items"]]


@pytest.mark.usefixtures("trail")
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"actor_id": 2}, [5, 4]),
        ({"action": "server.deleted"}, [4]),
        ({"subject_type": "job", "subject_id": 2}, [2]),
        ({"project_id": 1}, [3, 2, 1]),
        ({"outcome": "refused"}, [5]),
        ({"outcome": "done", "actor_id": 2}, [4]),
        ({"q": "BOB"}, [5, 4]),
        ({"q": "198.51"}, [5, 4]),
        ({"q": "job 3"}, [3]),
        ({"q": "%"}, []),
        ({"from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00"}, []),
    ],
)
async def test_filters(admin: httpx.AsyncClient, params: dict[str, Any], expected: list[int]) -> None:
    """人・操作・物・プロジェクト・結果・文字・時刻で絞れる。"""
    assert ids(found(await admin.get("/audit", params=params))) == expected


@pytest.mark.usefixtures("trail")
async def test_event_tells_everything(admin: httpx.AsyncClient) -> None:
    """一行に、だれが・どのトークンで・どこから・何を・前後の差・鎖の番号とハッシュがある。"""
    (item,) = found(await admin.get("/audit", params={"action": "server.deleted"}))["items"]
    assert (item["actor_name"], item["token_name"], item["address"]) == ("bob", "deploy-bot", "198.51.100.9")
    assert (item["subject_type"], item["subject_id"], item["project_id"]) == ("server", 4, 2)
    assert item["details"]["changes"]["timeout_s"] == {"from": None, "to": 1.5}
    assert (item["position"], len(item["hash"])) == (4, 64)


@pytest.mark.usefixtures("trail")
async def test_pages_follow_each_other(admin: httpx.AsyncClient) -> None:
    """頁をめくっても、欠けも重なりもない。同じ時刻の記録があっても。"""
    seen, cursor = [], None
    while True:
        params: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = found(await admin.get("/audit", params=params))
        seen += ids(page)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    assert field_codes(await admin.get("/audit", params={"cursor": "WyJ4IiwxXQ"})) == {
        "cursor": "invalid_cursor"
    }


@pytest.mark.usefixtures("trail")
async def test_actions_are_listed(admin: httpx.AsyncClient) -> None:
    """絞り込みの選択肢に、残ったことのある操作が名前の順に並ぶ。"""
    assert found(await admin.get("/audit/actions"))["items"] == [
        "access.refused",
        "job.updated",
        "server.deleted",
    ]


@pytest.mark.usefixtures("trail")
async def test_export_can_be_verified_alone(admin: httpx.AsyncClient) -> None:
    """書き出した物は一行に一つの JSON で、新しい順を古い順に直せば、それだけで確かめられる。"""
    answer = await admin.get("/audit/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert 'filename="audit.jsonl"' in answer.headers["content-disposition"]
    lines = answer.text.splitlines()
    assert len(lines) == 5
    check = check_export(reversed(lines))
    assert (check.events, check.fault) == (5, None)
    some = (await admin.get("/audit/export", params={"actor_id": 2})).text.splitlines()
    assert check_export(reversed(some)).events == 2


@pytest.mark.usefixtures("trail")
async def test_project_admin_sees_his_project(api: Api) -> None:
    """プロジェクトだけの管理者には、そのプロジェクトの記録だけが見える。ほかは断る。"""
    from_two = Actor(UserId(9), "pat", None, {ProjectId(2): Role.ADMIN})
    async with api.anonymous() as client:
        assert problem(await client.get("/audit"), 401)["code"] == "unauthenticated"
    pages = [page async for page in api.services.audit.pages(from_two, AuditFilter())]
    assert [linked.event.id for page in pages for linked in page] == [4]
    with pytest.raises(PermissionDeniedError):
        await api.services.audit.page(from_two, AuditFilter(project_id=ProjectId(1)), PageRequest())
    with pytest.raises(PermissionDeniedError):
        await api.services.audit.verify(from_two)


async def test_project_admin_over_http(api: Api) -> None:
    """プロジェクトの管理者には、一覧にも書き出しにも自分のプロジェクトの分しか出ない。確かめるのも断る。"""
    world = TwoProjects(api)
    await world.prepare()
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {await world.token_of(Who(None, Role.ADMIN))}"
        seen = found(await client.get("/audit", params={"limit": 200}))["items"]
        assert {item["project_id"] for item in seen} == {int(DEFAULT_PROJECT)}
        exported = [json.loads(line) for line in (await client.get("/audit/export")).text.splitlines()]
        assert [line["id"] for line in exported] == ids({"items": seen})
        other = {"project_id": world.other_project}
        for path in ("/audit", "/audit/export"):
            assert problem(await client.get(path, params=other), 403)["code"] == "permission_denied"
        problem(await client.post("/audit/verification"), 403)
        problem(await client.put("/audit/retention", json={"keep_days": 30}), 403)
    async with api.anonymous() as client:
        client.headers["Authorization"] = f"Bearer {await world.token_of(Who(None, Role.EDITOR))}"
        problem(await client.get("/audit"), 403)
        problem(await client.get("/audit/export"), 403)


async def test_verification_is_shown(api: Api, admin: httpx.AsyncClient, trail: None) -> None:
    """確かめると、どこまで合っていたかが残る。書き換えがあれば、その記録の番号が残る。"""
    before = found(await admin.get("/audit/chain"))
    assert (before["position"], before["unchained"], before["checked_at"]) == (5, 0, None)
    checked = found(await admin.post("/audit/verification"))
    assert (checked["checked_position"], checked["fault"], checked["unchained"]) == (5, None, 0)
    async with api.foundation.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("UPDATE audit_events SET actor_name = 'eve' WHERE id = 3"))
    broken = found(await admin.post("/audit/verification"))
    assert (broken["checked_position"], broken["fault"], broken["fault_event_id"]) == (2, "edited", 3)


async def test_retention(admin: httpx.AsyncClient) -> None:
    """残す日数は、三十日より短くできず、変えたことが残る。"""
    assert found(await admin.put("/audit/retention", json={"keep_days": 365}))["keep_days"] == 365
    assert field_codes(await admin.put("/audit/retention", json={"keep_days": 29})) == {
        "keep_days": "greater_than_equal"
    }
    (item,) = found(await admin.get("/audit", params={"action": "audit.retention_changed"}))["items"]
    assert item["details"]["changes"] == {"keep_days": {"from": None, "to": 365}}
    assert datetime.fromisoformat(item["at"]) > datetime.now(UTC) - timedelta(minutes=5)
