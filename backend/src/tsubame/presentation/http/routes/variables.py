"""変数の道。秘密の値を返すものは、一つもない。"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import JobId, ProjectId, ServerId, VariableId
from tsubame.business.variables.drafts import VariableDraft
from tsubame.business.variables.entities import (
    EVERYWHERE,
    Content,
    Owner,
    Variable,
    VariableKind,
    VariableScope,
)
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import (
    CurrentActor,
    EditionDep,
    ServicesDep,
    mark_version,
    problems,
)
from tsubame.presentation.http.schemas.variables import (
    EnvironmentEntryRead,
    EnvironmentRead,
    NewVariableInput,
    VariableInput,
    VariableList,
    VariableRead,
)

router = APIRouter(tags=["variables"], responses=problems())


def owner_of(scope: VariableScope, owner_id: RowId | None = None) -> Owner:
    """Raises: InvalidInputError。"""
    match scope, owner_id:
        case VariableScope.GLOBAL, None:
            return EVERYWHERE
        case VariableScope.PROJECT, int(number):
            return Owner(scope, ProjectId(number))
        case VariableScope.SERVER, int(number):
            return Owner(scope, ServerId(number))
        case VariableScope.JOB, int(number):
            return Owner(scope, JobId(number))
        case VariableScope.EXECUTION, _:
            raise InvalidInputError.one(
                "scope", "scope_at_start_only", "Variables of one execution are given when it starts."
            )
        case _:
            raise InvalidInputError.one(
                "owner_id",
                "owner_mismatch",
                "Give the project, server or job exactly when the scope has one.",
            )


@router.get("/variables", operation_id="listVariables")
async def list_variables(
    actor: CurrentActor, services: ServicesDep, owner: Annotated[Owner, Depends(owner_of)]
) -> VariableList:
    """そこに置いた全部を、名前の順に。"""
    found = await services.variables.list(actor, owner)
    return VariableList(items=[_read(variable) for variable in found])


@router.post("/variables", status_code=201, operation_id="createVariable")
async def create_variable(
    body: NewVariableInput, response: Response, actor: CurrentActor, services: ServicesDep
) -> VariableRead:
    owner = owner_of(body.scope, body.owner_id)
    variable = await services.variables.create(actor, owner, _draft(body))
    mark_version(response, variable.version)
    return _read(variable)


@router.put("/variables/{variable_id}", operation_id="updateVariable")
async def update_variable(
    variable_id: RowId, body: VariableInput, edition: EditionDep, actor: CurrentActor, services: ServicesDep
) -> VariableRead:
    variable = await services.variables.update(actor, VariableId(variable_id), _draft(body), edition.expected)
    edition.mark(variable.version)
    return _read(variable)


@router.delete("/variables/{variable_id}", status_code=204, operation_id="deleteVariable")
async def delete_variable(variable_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.variables.delete(actor, VariableId(variable_id))


@router.get("/jobs/{job_id}/environment", operation_id="getJobEnvironment")
async def get_job_environment(
    job_id: RowId, actor: CurrentActor, services: ServicesDep, server_id: RowId | None = None
) -> EnvironmentRead:
    """このジョブをそのサーバで動かすときに効く変数と、隠れた変数。始めるときに渡す変数は、さらに強い。"""
    server = None if server_id is None else ServerId(server_id)
    found = await services.environments.of(actor, JobId(job_id), server)
    return EnvironmentRead(items=[EnvironmentEntryRead.model_validate(entry) for entry in found])


def _draft(body: VariableInput) -> VariableDraft:
    is_file = body.kind is VariableKind.FILE
    wrong, field = (body.value, "value") if is_file else (body.file_base64, "file_base64")
    if wrong is not None:
        raise InvalidInputError.one(field, "not_for_this_kind", f"The kind {body.kind} has no {field}.")
    if body.file_base64 is not None:
        return VariableDraft(body.name, body.kind, Content(body.file_base64))
    content = None if body.value is None else Content.of_text(body.value.get_secret_value())
    return VariableDraft(body.name, body.kind, content)


def _read(variable: Variable) -> VariableRead:
    return VariableRead(
        id=variable.id,
        scope=variable.owner.scope,
        owner_id=variable.owner.id,
        name=variable.name,
        kind=variable.kind,
        value=variable.value,
        has_value=variable.has_value,
        maskable=variable.maskable,
        updated_by_name=variable.updated_by_name,
        created_at=variable.created_at,
        updated_at=variable.updated_at,
        version=variable.version,
    )
