"""実行の購読が、何を送るか。"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from tsubame.business.executions.changes import ChangeService
from tsubame.business.executions.entities import (
    Attempt,
    Execution,
    ExecutionDetail,
    ExecutionKind,
    Target,
)
from tsubame.business.executions.ports import LogReader
from tsubame.business.executions.service import ExecutionService
from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ExecutionId, ProjectId, ServerId, TargetId
from tsubame.presentation.ws.execution_subscription import ExecutionSubscription
from tsubame.presentation.ws.log_feed import LogFeed
from tsubame.presentation.ws.mailbox import Mail
from tsubame.presentation.ws.subscription import Sources

_AT = datetime(2026, 11, 24, tzinfo=UTC)
_NOBODY = cast("Actor", None)
_EXECUTION = Execution(
    id=ExecutionId(7),
    kind=ExecutionKind.JOB,
    project_id=ProjectId(1),
    job_id=None,
    job_name="deploy",
    state=ExecutionState.RUNNING,
    state_counts={"running": 3},
    target_count=3,
    requested_by=None,
    requested_by_name="admin",
    rerun_of=None,
    priority=0,
    queued_at=_AT,
    paused_at=None,
    paused_reason=None,
    paused_by_name=None,
    cancel_requested_at=None,
    cancel_requested_by_name=None,
    cancel_reason=None,
    pinned_at=None,
    pinned_by_name=None,
    created_at=_AT,
    started_at=_AT,
    finished_at=None,
)
_CHANGED = Mail(executions={7})


def _target(position: int) -> Target:
    return Target(
        id=TargetId(10 + position),
        execution_id=_EXECUTION.id,
        server_id=ServerId(1),
        server_name=f"web-{position}",
        position=position,
        attempt=1,
        latest=True,
        wave=0,
        not_before=None,
        state=TargetState.RUNNING,
        reason=None,
        detail="",
        exit_code=None,
        remote_bytes=0,
        log_bytes=0,
        log_lines=0,
        log_masked=0,
        log_gap=None,
        log_day=date(2026, 11, 24),
        log_archived=False,
        survivors=(),
        queued_at=_AT,
        started_at=_AT,
        finished_at=None,
    )


class _Viewer:
    """購読と、その相手。``detail`` がデータベースの今の姿の代わり。"""

    def __init__(self, targets: int = 3) -> None:
        spec = ScriptSpec("true", None, (), None, None)
        self.detail = ExecutionDetail(
            _EXECUTION, spec, tuple(_target(position) for position in range(targets))
        )
        self.received: list[dict[str, Any]] = []
        logs = cast("LogReader", None)
        sources = Sources(
            executions=cast("ExecutionService", self),
            changes=cast("ChangeService", None),
            logs=logs,
            feed=LogFeed(logs),
        )
        self.subscription = ExecutionSubscription(1, _EXECUTION.id, sources)

    async def get(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        return self.detail

    async def send_text(self, data: str) -> None:
        self.received.append(json.loads(data))

    async def send_bytes(self, data: bytes) -> None:
        raise AssertionError(data)

    def change(self, position: int, **values: Any) -> None:
        targets = list(self.detail.targets)
        targets[position] = replace(targets[position], **values)
        self.detail = replace(self.detail, targets=tuple(targets))

    async def hear(self, mail: Mail | None = None) -> dict[str, Any] | None:
        """合図を渡し、すぐに一回分を送らせる。送るものがなければ ``None``。"""
        self.received.clear()
        self.subscription.notice(mail or Mail())
        await self.subscription.send(self, _NOBODY)
        return self.received[0] if self.received else None


@pytest.fixture
async def viewer() -> _Viewer:
    """初めの全部を、もう受け取った読み手。"""
    viewer = _Viewer()
    first = await viewer.hear()
    assert first is not None
    assert (first["type"], len(first["execution"]["targets"])) == ("execution", 3)
    return viewer


def _positions(message: dict[str, Any] | None) -> list[int]:
    assert message is not None
    assert message["type"] == "execution_delta"
    return [target["position"] for target in message["targets"]]


async def test_second_message_carries_only_the_changed_target(viewer: _Viewer) -> None:
    """二通目からは、変わった対象と、実行そのものの今の値だけを送る。"""
    viewer.change(1, state=TargetState.FAILED, reason="exit_nonzero", exit_code=3)
    viewer.detail = replace(viewer.detail, execution=replace(_EXECUTION, state_counts={"running": 2}))
    message = await viewer.hear(_CHANGED)
    assert message is not None
    assert _positions(message) == [1]
    assert (message["targets"][0]["exit_code"], message["execution"]["state_counts"]) == (3, {"running": 2})
    assert "spec" not in message["execution"]


async def test_nothing_is_sent_when_nothing_changed(viewer: _Viewer) -> None:
    """合図が来ても、読んだ姿が同じなら何も送らない。"""
    assert await viewer.hear(_CHANGED) is None


async def test_only_the_execution_changed(viewer: _Viewer) -> None:
    """対象が変わらず、実行だけが変わったら、対象のない変わりを送る。"""
    viewer.detail = replace(viewer.detail, execution=replace(_EXECUTION, priority=5))
    assert _positions(await viewer.hear(_CHANGED)) == []


async def test_new_attempt_takes_the_place(viewer: _Viewer) -> None:
    """やり直した対象は、前の試みを連れて、同じ位置で届く。"""
    earlier = Attempt(TargetId(12), 1, TargetState.FAILED, "exit_nonzero", 1, _AT, _AT)
    viewer.change(2, id=TargetId(99), attempt=2, state=TargetState.QUEUED, earlier_attempts=(earlier,))
    message = await viewer.hear(_CHANGED)
    assert message is not None
    assert _positions(message) == [2]
    assert (message["targets"][0]["id"], message["targets"][0]["earlier_attempts"][0]["target_id"]) == (
        99,
        12,
    )


async def test_gap_starts_over_with_the_whole(viewer: _Viewer) -> None:
    """合図を取りこぼしたおそれがあれば、変わりがなくても全部を送り直す。"""
    message = await viewer.hear(Mail(gap=True))
    assert message is not None
    assert (message["type"], len(message["execution"]["targets"])) == ("execution", 3)


async def test_vanished_target_starts_over_with_the_whole(viewer: _Viewer) -> None:
    """位置の並びが変わったら、差では言えないので全部を送り直す。"""
    viewer.detail = replace(viewer.detail, targets=viewer.detail.targets[:2])
    message = await viewer.hear(_CHANGED)
    assert message is not None
    assert (message["type"], len(message["execution"]["targets"])) == ("execution", 2)


async def test_growth_waits_for_its_turn_but_is_not_lost(viewer: _Viewer) -> None:
    """ログが伸びただけの対象は、状態の知らせに乗せずに間をおき、あとで必ず届く。"""
    viewer.change(0, log_bytes=10, log_lines=1)
    viewer.change(1, state=TargetState.DISCONNECTED)
    assert _positions(await viewer.hear(Mail(executions={7}, logs={10}))) == [1]
    due = viewer.subscription.due_in()
    assert due is not None
    assert 0.5 < due < 1.1
    viewer.subscription._growth_calm.sent_at = float("-inf")
    assert viewer.subscription.due_in() is not None
    assert _positions(await viewer.hear()) == [0]
    assert viewer.subscription.due_in() is None


@pytest.mark.parametrize(("targets", "longest"), [(1, 0.1), (100, 0.1), (500, 0.5)])
async def test_more_targets_are_read_less_often(targets: int, longest: float) -> None:
    """対象が多い実行ほど読み直す間をあける。静かだったあとの一つ目は、いつでもすぐ送る。"""
    viewer = _Viewer(targets)
    await viewer.hear()
    subscription = viewer.subscription
    subscription.notice(_CHANGED)
    due = subscription.due_in()
    assert due is not None
    assert longest - 0.08 < due <= longest
    subscription._calm.sent_at -= longest
    assert subscription.due_in() == 0.0
