from tsubame.business.executions.housekeeping import OwnedRun, ServerRuns
from tsubame.business.executions.remote_run import RemoteRunState
from tsubame.business.executions.states import TargetState
from tsubame.presentation.http.api_model import ApiModel


class RunDirectoryRead(ApiModel):
    path: str
    free_bytes: int


class RunOwnerRead(ApiModel):
    target_id: int
    execution_id: int
    state: TargetState


class RemoteRunRead(ApiModel):
    run_id: str
    directory: str
    state: RemoteRunState
    size: int
    age_s: int | None
    """最後に書かれてからの秒。測る道具のないサーバでは null。"""
    owner: RunOwnerRead | None
    """この走りを動かした対象。null なら、この設置の知らない走り。"""


class ServerRunsRead(ApiModel):
    """今サーバにある走りと、置き場所の空き。"""

    directories: list[RunDirectoryRead]
    total_bytes: int
    runs: list[RemoteRunRead]


def server_runs_read(found: ServerRuns) -> ServerRunsRead:
    return ServerRunsRead(
        directories=[RunDirectoryRead.model_validate(directory) for directory in found.directories],
        total_bytes=found.total_bytes,
        runs=[_run(owned) for owned in found.runs],
    )


def _run(owned: OwnedRun) -> RemoteRunRead:
    return RemoteRunRead(
        run_id=owned.run.run_id,
        directory=owned.run.directory,
        state=owned.run.state,
        size=owned.run.size,
        age_s=owned.run.age_s,
        owner=None if owned.owner is None else RunOwnerRead.model_validate(owned.owner),
    )
