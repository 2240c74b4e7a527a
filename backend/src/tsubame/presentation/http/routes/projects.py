"""プロジェクトと、その一員。"""

from fastapi import APIRouter

from tsubame.business.projects.entities import ProjectDraft
from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.projects import (
    MemberInput,
    MemberList,
    MemberRead,
    ProjectInput,
    ProjectList,
    ProjectRead,
    project_read,
)

router = APIRouter(prefix="/projects", tags=["projects"], responses=problems())


@router.get("", operation_id="listProjects")
async def list_projects(actor: CurrentActor, services: ServicesDep) -> ProjectList:
    """見えるプロジェクト。名前の順。"""
    return ProjectList(items=[project_read(project) for project in await services.projects.all(actor)])


@router.post("", status_code=201, operation_id="createProject")
async def create_project(body: ProjectInput, actor: CurrentActor, services: ServicesDep) -> ProjectRead:
    return project_read(await services.projects.create(actor, _draft(body)))


@router.get("/{project_id}", operation_id="getProject")
async def get_project(project_id: RowId, actor: CurrentActor, services: ServicesDep) -> ProjectRead:
    return project_read(await services.projects.get(actor, ProjectId(project_id)))


@router.put("/{project_id}", operation_id="updateProject")
async def update_project(
    project_id: RowId, body: ProjectInput, actor: CurrentActor, services: ServicesDep
) -> ProjectRead:
    return project_read(await services.projects.update(actor, ProjectId(project_id), _draft(body)))


@router.delete("/{project_id}", status_code=204, operation_id="deleteProject")
async def delete_project(project_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    """空のプロジェクトだけを消す。"""
    await services.projects.delete(actor, ProjectId(project_id))


@router.get("/{project_id}/members", operation_id="listMembers")
async def list_members(project_id: RowId, actor: CurrentActor, services: ServicesDep) -> MemberList:
    """入れる人の全部。一員が先、どこでも効く役割だけで入れる人があと。"""
    members = await services.projects.members(actor, ProjectId(project_id))
    return MemberList(items=[MemberRead.model_validate(member) for member in members])


@router.put("/{project_id}/members/{user_id}", operation_id="setMember")
async def set_member(
    project_id: RowId, user_id: RowId, body: MemberInput, actor: CurrentActor, services: ServicesDep
) -> MemberRead:
    """一員に加える、または役割を変える。"""
    member = await services.projects.set_member(actor, ProjectId(project_id), UserId(user_id), body.role)
    return MemberRead.model_validate(member)


@router.delete("/{project_id}/members/{user_id}", status_code=204, operation_id="removeMember")
async def remove_member(
    project_id: RowId, user_id: RowId, actor: CurrentActor, services: ServicesDep
) -> None:
    """一員から外す。どこでも効く役割は残る。"""
    await services.projects.remove_member(actor, ProjectId(project_id), UserId(user_id))


def _draft(body: ProjectInput) -> ProjectDraft:
    return ProjectDraft(body.name, body.max_parallel)
