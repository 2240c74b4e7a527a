from datetime import datetime

from tsubame.business.workers.entities import Worker, WorkerState
from tsubame.presentation.http.api_model import ApiModel


class VitalsRead(ApiModel):
    load: float
    """直近一分の load average。"""
    cpu_count: int
    rss_bytes: int


class WorkerRead(ApiModel):
    id: int
    host: str
    pid: int
    version: str
    state: WorkerState
    running: int
    """いま面倒を見ている対象の数。"""
    capacity: int
    vitals: VitalsRead | None
    """最初の心拍までは null。"""
    started_at: datetime
    heartbeat_at: datetime
    draining_at: datetime | None
    stopped_at: datetime | None


class WorkerList(ApiModel):
    items: list[WorkerRead]


def worker_read(worker: Worker) -> WorkerRead:
    return WorkerRead(
        id=worker.id,
        host=worker.identity.host,
        pid=worker.identity.pid,
        version=worker.identity.version,
        state=worker.state,
        running=worker.running,
        capacity=worker.identity.capacity,
        vitals=None if worker.vitals is None else VitalsRead.model_validate(worker.vitals),
        started_at=worker.started_at,
        heartbeat_at=worker.heartbeat_at,
        draining_at=worker.draining_at,
        stopped_at=worker.stopped_at,
    )
