"""ワーカーの見え方。"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tsubame.business.shared.ids import WorkerId
from tsubame.business.workers.entities import LATE_S, Identity, Worker, WorkerState

NOW = datetime(2026, 11, 24, tzinfo=UTC)
WORKING = Worker(
    id=WorkerId(1),
    identity=Identity("ci-1", 7, "0.1.0", 500),
    running=3,
    vitals=None,
    started_at=NOW,
    heartbeat_at=NOW,
    silence_s=1.5,
    draining_at=None,
    stopped_at=None,
)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, WorkerState.WORKING),
        ({"silence_s": LATE_S + 1}, WorkerState.SILENT),
        ({"draining_at": NOW}, WorkerState.DRAINING),
        ({"draining_at": NOW, "running": 0}, WorkerState.DRAINED),
        # 引き受けを止めたまま死んだ者に「止めてよい」と言わない
        ({"draining_at": NOW, "silence_s": LATE_S + 1}, WorkerState.SILENT),
        ({"stopped_at": NOW, "draining_at": NOW, "silence_s": 600.0}, WorkerState.STOPPED),
    ],
)
def test_state(changes: dict[str, Any], state: WorkerState) -> None:
    """去った・黙った・引き受けを止めた、の順に見る。"""
    assert replace(WORKING, **changes).state is state
