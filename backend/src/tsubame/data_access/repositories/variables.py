from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from tsubame.business.shared.errors import NameTakenError, VersionConflictError
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, ServerId, VariableId
from tsubame.business.variables.entities import EVERYWHERE, Owner, Variable, VariableKind, VariableScope
from tsubame.business.variables.errors import VariableNotFoundError, VariableOwnerNotFoundError
from tsubame.business.variables.ports import NewVariable, StoredVariable, ValueColumns, VariableChange
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.tables.jobs import jobs
from tsubame.data_access.tables.projects import projects
from tsubame.data_access.tables.servers import servers
from tsubame.data_access.tables.variables import variables

_NAME_CONSTRAINT: Final = "uq_variables_owner_name"
_NEXT_ID: Final = text("SELECT nextval(pg_get_serial_sequence('variables', 'id'))")
_OWNER_COLUMN: Final = {
    VariableScope.PROJECT: variables.c.project_id,
    VariableScope.SERVER: variables.c.server_id,
    VariableScope.JOB: variables.c.job_id,
    VariableScope.EXECUTION: variables.c.execution_id,
}
_PROJECT_OF: Final = {
    VariableScope.PROJECT: projects.c.id,
    VariableScope.SERVER: servers.c.project_id,
    VariableScope.JOB: jobs.c.project_id,
}
# 暗号文は、走りに渡すとき(stored)にだけ読む
_COLUMNS: Final = (
    *(column for column in variables.c if column.name != "sealed"),
    or_(variables.c.value.is_not(None), variables.c.sealed.is_not(None)).label("has_value"),
)


class SqlVariableRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_id(self) -> VariableId:
        return VariableId((await self._connection.execute(_NEXT_ID)).scalar_one())

    async def add(self, new: NewVariable) -> None:
        column = _OWNER_COLUMN.get(new.owner.scope)
        values = {
            "id": new.id,
            "scope": new.owner.scope,
            "name": new.name,
            "kind": new.kind,
            "updated_by_name": new.by_name,
            **_value_columns(new.content),
            **({} if column is None else {column.name: new.owner.id}),
        }
        errors = {
            _NAME_CONSTRAINT: NameTakenError(new.name),
            **{f"fk_variables_{owner.name}": _no_owner(new.owner) for owner in _OWNER_COLUMN.values()},
        }
        with translated(errors):
            await self._connection.execute(insert(variables).values(values))

    async def replace(
        self, variable_id: VariableId, change: VariableChange, expected_version: int | None
    ) -> None:
        statement = (
            update(variables)
            .where(variables.c.id == variable_id)
            .values(
                name=change.name,
                kind=change.kind,
                updated_by_name=change.by_name,
                updated_at=func.now(),
                version=variables.c.version + 1,
                **({} if change.content is None else _value_columns(change.content)),
            )
            .returning(variables.c.id)
        )
        if expected_version is not None:
            statement = statement.where(variables.c.version == expected_version)
        with translated({_NAME_CONSTRAINT: NameTakenError(change.name)}):
            changed = (await self._connection.execute(statement)).scalar_one_or_none()
        if changed is None:
            await self.get(variable_id)
            raise VersionConflictError

    async def get(self, variable_id: VariableId) -> Variable:
        found = await self._connection.execute(select(*_COLUMNS).where(variables.c.id == variable_id))
        row = found.one_or_none()
        if row is None:
            raise VariableNotFoundError(f"There is no variable {variable_id}.")
        return _variable(row)

    async def of(self, owner: Owner) -> list[Variable]:
        found = await self._connection.execute(
            select(*_COLUMNS).where(_owned([owner])).order_by(variables.c.name)
        )
        return [_variable(row) for row in found]

    async def delete(self, variable_id: VariableId) -> None:
        await self._connection.execute(delete(variables).where(variables.c.id == variable_id))

    async def project_of(self, owner: Owner) -> ProjectId | None:
        project = _PROJECT_OF.get(owner.scope)
        if project is None:
            return None
        found = await self._connection.execute(select(project).where(project.table.c.id == owner.id))
        project_id = found.scalar_one_or_none()
        if project_id is None:
            raise _no_owner(owner)
        return ProjectId(project_id)

    async def env_names(self, job_id: JobId) -> frozenset[str]:
        env = func.jsonb_object_keys(jobs.c.spec["env"])
        found = await self._connection.execute(select(env).where(jobs.c.id == job_id))
        return frozenset(found.scalars())

    async def stored(self, owners: Sequence[Owner]) -> list[StoredVariable]:
        found = await self._connection.execute(select(variables).where(_owned(owners)))
        return [
            StoredVariable(
                id=VariableId(row.id),
                owner=_owner(row),
                name=row.name,
                kind=VariableKind(row.kind),
                value=row.value,
                sealed=row.sealed,
                maskable=row.maskable,
                version=row.version,
            )
            for row in found
        ]


def _owned(owners: Sequence[Owner]) -> ColumnElement[bool]:
    """置き先のどれか。"""
    chosen = [
        column == func.any([owner.id for owner in owners if owner.scope is scope])
        for scope, column in _OWNER_COLUMN.items()
        if any(owner.scope is scope for owner in owners)
    ]
    if EVERYWHERE in owners:
        # 索引の先頭から引けるように、どの列も空だと言い切る
        chosen.append(and_(*(column.is_(None) for column in _OWNER_COLUMN.values())))
    return or_(*chosen)


def _no_owner(owner: Owner) -> VariableOwnerNotFoundError:
    return VariableOwnerNotFoundError(f"There is no {owner.scope} {owner.id}.")


def _value_columns(content: ValueColumns) -> dict[str, object]:
    return {"value": content.value, "sealed": content.sealed, "maskable": content.maskable}


def _owner(row: Row[*tuple[Any, ...]]) -> Owner:
    match VariableScope(row.scope):
        case VariableScope.GLOBAL:
            return EVERYWHERE
        case VariableScope.PROJECT:
            return Owner(VariableScope.PROJECT, ProjectId(row.project_id))
        case VariableScope.SERVER:
            return Owner(VariableScope.SERVER, ServerId(row.server_id))
        case VariableScope.JOB:
            return Owner(VariableScope.JOB, JobId(row.job_id))
        case VariableScope.EXECUTION:
            return Owner(VariableScope.EXECUTION, ExecutionId(row.execution_id))


def _variable(row: Row[*tuple[Any, ...]]) -> Variable:
    return Variable(
        id=VariableId(row.id),
        owner=_owner(row),
        name=row.name,
        kind=VariableKind(row.kind),
        value=row.value,
        has_value=row.has_value,
        maskable=row.maskable,
        updated_by_name=row.updated_by_name,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
