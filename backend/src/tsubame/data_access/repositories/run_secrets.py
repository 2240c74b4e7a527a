"""走りが受けた秘密の控えと、実行が使った秘密の記録。"""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.environments import RunPlace, UsedSecret
from tsubame.business.shared.ids import (
    ExecutionId,
    JobId,
    ProjectId,
    ServerId,
    TargetId,
    UserId,
    VariableId,
)
from tsubame.business.variables.entities import VariableKind, VariableScope
from tsubame.data_access.tables.executions import executions, targets
from tsubame.data_access.tables.variables import execution_secrets, target_secrets


class SqlRunSecretRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def places(self, target_ids: Sequence[TargetId]) -> list[RunPlace]:
        found = await self._connection.execute(
            select(
                targets.c.id,
                targets.c.server_id,
                targets.c.execution_id,
                executions.c.project_id,
                executions.c.job_id,
                executions.c.job_name,
                executions.c.requested_by,
                executions.c.requested_by_name,
                target_secrets.c.sealed,
            )
            .join(executions, executions.c.id == targets.c.execution_id)
            .outerjoin(target_secrets, target_secrets.c.target_id == targets.c.id)
            .where(targets.c.id == func.any(list(target_ids)))
        )
        return [
            RunPlace(
                target_id=TargetId(row.id),
                execution_id=ExecutionId(row.execution_id),
                project_id=ProjectId(row.project_id),
                job_id=None if row.job_id is None else JobId(row.job_id),
                job_name=row.job_name,
                server_id=None if row.server_id is None else ServerId(row.server_id),
                requested_by=None if row.requested_by is None else UserId(row.requested_by),
                requested_by_name=row.requested_by_name,
                held=row.sealed,
            )
            for row in found
        ]

    async def hold(self, sealed: Mapping[TargetId, str]) -> dict[TargetId, str]:
        rows = [
            {"target_id": target_id, "sealed": document} for target_id, document in sorted(sealed.items())
        ]
        adding = insert(target_secrets).values(rows)
        held = await self._connection.execute(
            # 何も変えない置き換え。先にしまわれたものを、同じ往復で読むため
            adding.on_conflict_do_update(
                index_elements=[target_secrets.c.target_id], set_={"sealed": target_secrets.c.sealed}
            ).returning(target_secrets)
        )
        return {TargetId(row.target_id): row.sealed for row in held}

    async def note_used(self, execution_id: ExecutionId, used: Sequence[UsedSecret]) -> list[UsedSecret]:
        adding = insert(execution_secrets).values(
            [
                {
                    "execution_id": execution_id,
                    "variable_id": each.variable_id,
                    "version": each.version,
                    "name": each.name,
                    "scope": each.scope,
                    "kind": each.kind,
                    "maskable": each.maskable,
                }
                for each in used
            ]
        )
        added = await self._connection.execute(
            adding.on_conflict_do_nothing().returning(
                execution_secrets.c.variable_id, execution_secrets.c.version
            )
        )
        new = {(row.variable_id, row.version) for row in added}
        return [each for each in used if (each.variable_id, each.version) in new]

    async def used(self, execution_id: ExecutionId) -> list[UsedSecret]:
        found = await self._connection.execute(
            select(execution_secrets)
            .where(execution_secrets.c.execution_id == execution_id)
            .order_by(execution_secrets.c.name, execution_secrets.c.variable_id, execution_secrets.c.version)
        )
        return [
            UsedSecret(
                variable_id=VariableId(row.variable_id),
                version=row.version,
                name=row.name,
                scope=VariableScope(row.scope),
                kind=VariableKind(row.kind),
                maskable=row.maskable,
            )
            for row in found
        ]
