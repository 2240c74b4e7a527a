"""実行を、HTTP も SSH も通さずに置く道具。"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select, update

from tsubame.business.executions.entities import Assignment, ExecutionKind
from tsubame.business.executions.ports import NewExecution
from tsubame.business.jobs.entities import ScriptSpec, ServerRef
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import DEFAULT_PROJECT, ExecutionId, JobId, ServerId, TargetId, WorkerId
from tsubame.data_access.tables.credentials import credentials
from tsubame.data_access.tables.executions import targets, workers
from tsubame.data_access.tables.jobs import jobs
from tsubame.data_access.tables.servers import servers
from tsubame.data_access.transactions import SqlTransactions

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SPEC = ScriptSpec(script="echo hi\n", interpreter=None, env=(), working_directory=None, timeout_s=None)


@dataclass(frozen=True)
class PlacedExecution:
    id: ExecutionId
    targets: tuple[TargetId, ...]


async def place_execution(
    transactions: SqlTransactions,
    server_count: int = 1,
    script: str = SPEC.script,
    timeout_s: int | None = None,
    stop_without_contact_s: int | None = None,
) -> PlacedExecution:
    """サーバ・ジョブ・実行を一組置く。始めてよいと決まっているが、配達の列には積んでいない。"""
    async with transactions.begin() as tx:
        connection = tx.connection
        number = (await connection.execute(select(func.count()).select_from(jobs))).scalar_one()
        credential = (
            await connection.execute(
                insert(credentials)
                .values(
                    project_id=DEFAULT_PROJECT,
                    name=f"credential-{number}",
                    kind="password",
                    has_passphrase=False,
                    sealed="",
                )
                .returning(credentials.c.id)
            )
        ).scalar_one()
        refs = []
        for index in range(server_count):
            name = f"server-{number}-{index}"
            values = {"host": "127.0.0.1", "port": 22, "username": "root", "credential_id": credential}
            added = insert(servers).values(project_id=DEFAULT_PROJECT, name=name, **values)
            row = await connection.execute(added.returning(servers.c.id))
            refs.append(ServerRef(ServerId(row.scalar_one()), name))
        job_row = insert(jobs).values(
            project_id=DEFAULT_PROJECT, name=f"job-{number}", kind="script", spec={}
        )
        job_id = (await connection.execute(job_row.returning(jobs.c.id))).scalar_one()
        spec = replace(
            SPEC, script=script, timeout_s=timeout_s, stop_without_contact_s=stop_without_contact_s
        )
        placed = await tx.executions.add(
            NewExecution(
                kind=ExecutionKind.JOB,
                project_id=DEFAULT_PROJECT,
                job_id=JobId(job_id),
                job_name=f"job-{number}",
                spec=spec,
                priority=0,
                servers=tuple(refs),
                waves=(0,) * server_count,
                entered=True,
                skipped=None,
                requested_by=SYSTEM,
                rerun_of=None,
                idempotency_key=None,
                created_at=datetime.now(UTC),
            )
        )
        execution_id = placed.execution.id
        await connection.execute(
            update(targets).where(targets.c.execution_id == execution_id).values(admitted_at=func.now())
        )
        return PlacedExecution(execution_id, tuple(await tx.executions.target_ids(execution_id)))


async def place_worker(transactions: SqlTransactions, *, silent_s: float = 0.0) -> WorkerId:
    """名簿に一人足す。``silent_s`` 秒前から心拍がないことにできる(鎖は持たない)。"""
    async with transactions.begin() as tx:
        heartbeat = func.now() - timedelta(seconds=silent_s)
        added = insert(workers).values(host="test", pid=1, version="0", heartbeat_at=heartbeat)
        return WorkerId((await tx.connection.execute(added.returning(workers.c.id))).scalar_one())


async def age_target(transactions: SqlTransactions, target_id: TargetId, seconds: float) -> None:
    """対象を、前に頼まれ、始めてよいと決まったことにする。"""
    earlier = func.now() - timedelta(seconds=seconds)
    async with transactions.begin() as tx:
        await tx.connection.execute(
            update(targets).where(targets.c.id == target_id).values(queued_at=earlier, admitted_at=earlier)
        )


async def claim_target(
    transactions: SqlTransactions, target_id: TargetId, worker_id: WorkerId, at: datetime = NOW
) -> Assignment | None:
    """一つの対象の権利を取る。"""
    async with transactions.begin() as tx:
        return (await tx.targets.claim([target_id], worker_id, at)).get(target_id)
