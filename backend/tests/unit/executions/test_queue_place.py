"""待つわけの、ただ一つの言い方。"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tsubame.business.executions.queue_place import Wait, WaitFacts, WaitReason, explain

SOON = datetime(2026, 11, 24, tzinfo=UTC)
FREE = WaitFacts(
    paused=False,
    entered=True,
    some_in_open_wave=True,
    some_due=True,
    some_server_free=True,
    execution_full=False,
    project_full=False,
    everything_full=False,
    worker_bound=False,
    job_name="deploy",
    project_name="default",
    full_server="web-1",
    next_due_at=SOON,
)
# 上から順に重ねていっても、先に片付くべきわけが勝つ
LADDER: list[tuple[dict[str, Any], Wait]] = [
    ({}, Wait(WaitReason.TURN)),
    ({"some_server_free": False}, Wait(WaitReason.SERVER_LIMIT, "web-1")),
    ({"project_full": True}, Wait(WaitReason.PROJECT_LIMIT, "default")),
    ({"everything_full": True}, Wait(WaitReason.GLOBAL_LIMIT)),
    ({"worker_bound": True}, Wait(WaitReason.NO_WORKER)),
    ({"execution_full": True}, Wait(WaitReason.EXECUTION_PARALLEL)),
    ({"some_due": False}, Wait(WaitReason.RETRY_DELAY, until=SOON)),
    ({"some_in_open_wave": False}, Wait(WaitReason.WAVE)),
    ({"entered": False}, Wait(WaitReason.JOB_CONCURRENCY, "deploy")),
    ({"paused": True}, Wait(WaitReason.PAUSED)),
]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_first_thing_to_settle_is_told(rung: int) -> None:
    """わけがいくつ重なっても、先に片付かなければならない一つを言う。"""
    facts = FREE
    for changes, _ in LADDER[: rung + 1]:
        facts = replace(facts, **changes)
    assert explain(facts) == LADDER[rung][1]


def test_every_reason_can_be_told() -> None:
    """わけを足したら、言い方も足さなければならない。"""
    assert {wait.reason for _, wait in LADDER} == set(WaitReason)
