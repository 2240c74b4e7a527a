"""走りが受けた秘密の控えと、実行が使った秘密の記録。"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.environments import UsedSecret
from tsubame.business.shared.ids import (
    ExecutionId,
    TargetId,
    VariableId,
)
from tsubame.business.variables.entities import VariableKind, VariableScope
from tsubame.data_access.tables.variables import execution_secrets, target_secrets


class SqlRunSecretRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

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
