"""保管と保存期間の API。"""

import pytest
from sqlalchemy import text

from harness.api import Api, field_codes, found, problem
from harness.factories import new_job
from harness.logs import LogRoom
from harness.retention import RetentionRoom
from tsubame.business.shared.permissions import Role

FOREVER = {"archive_after_days": 7, "keep_days": None, "keep_executions": None}


@pytest.fixture
def room(api: Api) -> RetentionRoom:
    """``api`` と同じデータベース、同じ保管先の部屋。"""
    return RetentionRoom(
        LogRoom(api.foundation.url, api.foundation.engine, api.foundation.places.current), api.clock
    )


async def test_report_shows_sizes_and_the_first_policy(api: Api, room: RetentionRoom) -> None:
    """大きさ、大きなジョブ、保管の調子が一度に分かる。決まりは、はじめから全体の一つだけがある。"""
    job = await room.job("big")
    old = await room.old(20, job, b"x" * 5000 + b"\n")
    await room.keeper.run_once()
    async with api.client(Role.VIEWER) as client:
        report = found(await client.get("/storage"))
    assert report["archived_logs"] == 1
    assert report["archive_bytes"] > 0
    assert (report["executions"], report["log_bytes"], report["waiting_logs"]) == (1, 5001, 0)
    assert [(row["job_id"], row["log_bytes"]) for row in report["jobs"]] == [(job, 5001)]
    assert report["archive"]["location"] == room.logs.archive_location
    assert report["archive"]["last_error"] is None
    assert len(report["days"]) == 1
    (policy,) = report["policies"]
    assert len(report["projects"]) == 1
    assert {key: policy[key] for key in ("scope", "id", *FOREVER)} == {
        "scope": "global",
        "id": None,
        **FOREVER,
    }
    assert old.target_id > 0


async def test_archived_log_answers_range_lines_and_download(api: Api, room: RetentionRoom) -> None:
    """移したログも、範囲・行・受け取りが移す前と同じ。対象は「移してある」と言う。"""
    log = b"".join(b"line %d\n" % n for n in range(5000))
    old = await room.old(20, log=log)
    async with api.client(Role.VIEWER) as client:
        before = await client.get(f"/targets/{old.target_id}/log/lines", params={"from": 4000, "count": 3})
        await room.keeper.run_once()
        target = found(await client.get(f"/targets/{old.target_id}"))
        after = await client.get(f"/targets/{old.target_id}/log/lines", params={"from": 4000, "count": 3})
        ranged = await client.get(f"/targets/{old.target_id}/log", headers={"Range": "bytes=-12"})
        ticket = (await client.post(f"/targets/{old.target_id}/log/download-ticket")).json()["url"]
        whole = await client.get(f"http://tsubame.test{ticket}")
    assert target["log_archived"]
    assert before.content == after.content
    for name in (name for name in before.headers if name.startswith("x-log-")):
        assert before.headers[name] == after.headers[name], name
    assert (ranged.status_code, ranged.content) == (206, log[-12:])
    assert whole.content == log


async def test_missing_object_is_told_with_its_own_code(api: Api, room: RetentionRoom) -> None:
    """保管先の物が外から消されていたら、行を読む道は理由を言う。"""
    old = await room.old(20)
    await room.keeper.run_once()
    await room.logs.place.delete(await room.logs.place.keys())
    async with api.client() as client:
        answer = await client.get(f"/targets/{old.target_id}/log/lines")
    assert problem(answer, 503)["code"] == "archived_object_missing"


async def test_policies_are_set_previewed_and_removed(api: Api, room: RetentionRoom) -> None:
    """ジョブの決まりを試し、決め、外せる。変えたことは監査に残る。"""
    job = await room.job("nightly")
    await room.old(50, job)
    async with api.client() as client:
        rule = {"archive_after_days": None, "keep_days": 30, "keep_executions": None}
        proposal = {"scope": "job", "id": job, "policy": rule}
        preview = found(await client.post("/storage/preview", json=proposal))
        assert (preview["executions"], preview["jobs"][0]["job_name"]) == (1, "夜間/backup")
        listed = found(await client.put(f"/storage/policies/jobs/{job}", json=rule))
        assert [(row["scope"], row["name"]) for row in listed["items"]] == [
            ("global", ""),
            ("job", "nightly"),
        ]
        listed = found(await client.delete(f"/storage/policies/jobs/{job}"))
        assert len(listed["items"]) == 1
        gone = await client.delete(f"/storage/policies/jobs/{job}")
        assert problem(gone, 404)["code"] == "retention_policy_not_found"
        missing = await client.put("/storage/policies/jobs/999999", json=rule)
        assert problem(missing, 404)["code"] == "retention_policy_not_found"
    async with api.foundation.engine.connect() as connection:
        audit = await connection.execute(
            text(
                "SELECT action, details FROM audit_events WHERE subject_type = 'retention_policy' ORDER BY id"
            )
        )
        rows = audit.all()
    assert [row.action for row in rows] == ["retention_policy.changed", "retention_policy.removed"]
    assert rows[0].details == {"changes": {"keep_days": {"from": None, "to": 30}}}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"keep_days": 0}, "keep_days"),
        ({"keep_executions": 0}, "keep_executions"),
        ({"archive_after_days": -1}, "archive_after_days"),
    ],
)
async def test_senseless_policies_are_refused(api: Api, changes: dict[str, int], field: str) -> None:
    """「0 日残す」のような、全部を消す決まりは受けない。"""
    async with api.client() as client:
        answer = await client.put("/storage/policies/global", json=FOREVER | changes)
    assert field in field_codes(answer)


async def test_preview_needs_a_matching_place(api: Api) -> None:
    """全体に番号はなく、ジョブには番号が要る。"""
    async with api.client() as client:
        for scope, number in (("global", 1), ("job", None)):
            proposal = {"scope": scope, "id": number, "policy": FOREVER}
            answer = await client.post("/storage/preview", json=proposal)
            assert field_codes(answer) == {"id": "scope_and_id"}


async def test_pin_is_shown_and_taken_off(api: Api, room: RetentionRoom) -> None:
    """印はだれが付けたかとともに見え、二度付けても一度で、外せる。"""
    old = await room.old(3)
    async with api.client(Role.OPERATOR) as client:
        for _ in range(2):
            pinned = found(await client.put(f"/executions/{old.execution_id}/pin"))
        assert pinned["pinned_by_name"] == "operator-user"
        (row,) = found(await client.get("/executions"))["items"]
        assert row["pinned_at"] == pinned["pinned_at"]
        unpinned = found(await client.delete(f"/executions/{old.execution_id}/pin"))
        assert (unpinned["pinned_at"], unpinned["pinned_by_name"]) == (None, None)
        assert problem(await client.put("/executions/999999/pin"), 404)["code"] == "execution_not_found"
    assert await room.scalar("SELECT count(*) FROM audit_events WHERE action = 'execution.pinned'") == 1


async def test_deleting_a_job_takes_its_policy_along(api: Api) -> None:
    """ジョブを消すと、その決まりも消える。"""
    async with api.client() as client:
        job = (await new_job(client))["id"]
        found(await client.put(f"/storage/policies/jobs/{job}", json=FOREVER))
        await client.delete(f"/jobs/{job}")
        assert len(found(await client.get("/storage/policies"))["items"]) == 1
