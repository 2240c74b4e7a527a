"""保管と保存期間の試験の部品: 古い実行と、番を取って一回だけ働く係。"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.logs import LogRoom
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ExecutionId, JobId, TargetId
from tsubame.business.storage.entities import Policy, PolicyPlace, Preview
from tsubame.business.storage.keeper import StorageKeeper
from tsubame.business.storage.service import StorageService
from tsubame.data_access.logstore.archiving import LogArchiver
from tsubame.data_access.logstore.turn import STORAGE_TURN, AdvisoryTurn
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.repositories.spec_json import to_json
from tsubame.data_access.transactions import SqlTransactions

_JOB = text("INSERT INTO jobs (project_id, name, kind, spec) VALUES (1, :name, 'script', '{}') RETURNING id")
_OWN = text(
    "UPDATE executions SET job_id = :job_id, finished_at = CAST(:at AS timestamptz),"
    " created_at = CAST(:at AS timestamptz), spec = CAST(:spec AS jsonb)"
    " WHERE id = (SELECT execution_id FROM targets WHERE id = :target_id) RETURNING id"
)
_SPEC = ScriptSpec(script="true", interpreter=None, env=(), working_directory=None, timeout_s=None)
_AGE = text("UPDATE targets SET finished_at = CAST(:at AS timestamptz) WHERE id = :target_id")


@dataclass(frozen=True)
class Old:
    """終わってから日のたった実行。"""

    execution_id: ExecutionId
    target_id: TargetId


@dataclass
class RetentionRoom:
    logs: LogRoom
    clock: Clock

    @property
    def engine(self) -> AsyncEngine:
        return self.logs.engine

    @property
    def transactions(self) -> SqlTransactions:
        return SqlTransactions(self.engine, create_queue_app(self.logs.url, "tsubame-test"))

    @property
    def service(self) -> StorageService:
        return StorageService(self.transactions, self.clock)

    @property
    def keeper(self) -> StorageKeeper:
        archive = LogArchiver(self.engine, self.logs.places)
        turn = AdvisoryTurn(self.engine, STORAGE_TURN)
        return StorageKeeper(self.transactions, archive, turn, self.clock)

    async def job(self, name: str) -> JobId:
        return JobId(await self.scalar(_JOB.text, name=name))

    async def old(self, days: float, job_id: JobId | None = None, log: bytes = b"line\n") -> Old:
        """``days`` 日前に終わった実行を一つ。"""
        target_id = await LogRoom(self.logs.url, self.engine).write(log)
        await self.logs.end(target_id)
        at = self.clock.now() - timedelta(days=days)
        values = {"target_id": target_id, "job_id": job_id, "at": at, "spec": json.dumps(to_json(_SPEC))}
        async with self.engine.begin() as connection:
            execution_id = (await connection.execute(_OWN, values)).scalar_one()
            await connection.execute(_AGE, values)
        return Old(ExecutionId(execution_id), target_id)

    async def rule(self, place: PolicyPlace, **policy: int | None) -> None:
        await self.service.set_policy(SYSTEM, place, policy_of(**policy))

    async def preview(self, place: PolicyPlace, **policy: int | None) -> Preview:
        return await self.service.preview(SYSTEM, place, policy_of(**policy))

    async def left(self) -> set[int]:
        async with self.engine.connect() as connection:
            return {row.id for row in await connection.execute(text("SELECT id FROM executions"))}

    async def scalar(self, statement: str, **values: object) -> Any:
        async with self.engine.begin() as connection:
            return (await connection.execute(text(statement), values)).scalar_one()


def policy_of(**policy: int | None) -> Policy:
    nothing: dict[str, int | None] = {"archive_after_days": None, "keep_days": None, "keep_executions": None}
    return Policy(**(nothing | policy))
