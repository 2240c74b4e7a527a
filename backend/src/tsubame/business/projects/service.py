"""プロジェクトの用件: 作る、直す、消す、一員を決める。"""

from collections.abc import Mapping

from tsubame.business.audit.changes import changes
from tsubame.business.audit.entities import AuditEvent
from tsubame.business.projects.entities import Member, Project, ProjectDraft
from tsubame.business.projects.errors import DefaultProjectStaysError, MemberNotFoundError
from tsubame.business.projects.ports import ProjectsTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import DEFAULT_PROJECT, ProjectId, UserId
from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors, checked_line


class ProjectService:
    def __init__(self, transactions: Transactions[ProjectsTx]) -> None:
        self._transactions = transactions

    async def all(self, actor: Actor) -> list[Project]:
        """見えるプロジェクト。名前の順。"""
        reach = actor.reach(Permission.PROJECT_READ)
        async with self._transactions.look() as tx:
            return await tx.projects.all(reach)

    async def get(self, actor: Actor, project_id: ProjectId) -> Project:
        """Raises: ProjectNotFoundError。"""
        reach = actor.reach(Permission.PROJECT_READ)
        async with self._transactions.look() as tx:
            return await tx.projects.get(project_id, reach)

    async def create(self, actor: Actor, draft: ProjectDraft) -> Project:
        """Raises: InvalidInputError, NameTakenError。"""
        actor.require(Permission.PROJECT_WRITE)
        draft = _checked(draft)
        async with self._transactions.begin() as tx:
            project = await tx.projects.get(await tx.projects.add(draft))
            details = {"changes": changes({}, _recorded(draft))}
            await tx.audit.record(_event(actor, "project.created", project, details))
        return project

    async def update(self, actor: Actor, project_id: ProjectId, draft: ProjectDraft) -> Project:
        """名前はプロジェクトの管理者が、同時に動かす数は、皆で分け合うものなので全体の管理者が変える。

        Raises: ProjectNotFoundError, InvalidInputError, NameTakenError。
        """
        async with self._transactions.begin() as tx:
            before = await _get_to_write(tx, actor, project_id)
            draft = _checked(draft)
            if draft.max_parallel != before.max_parallel:
                actor.require(Permission.LIMIT_WRITE)
            await tx.projects.replace(project_id, draft)
            project = await tx.projects.get(project_id)
            details = {"changes": changes(_recorded(before), _recorded(project))}
            await tx.audit.record(_event(actor, "project.updated", project, details))
            if draft.max_parallel != before.max_parallel:
                # 広がった枠を待っている対象を、すぐ始めるため
                await tx.signals.send(SignalKind.QUEUE, [0])
        return project

    async def delete(self, actor: Actor, project_id: ProjectId) -> None:
        """空のプロジェクトだけを消す。

        Raises: ProjectNotFoundError, ProjectNotEmptyError, DefaultProjectStaysError。
        """
        async with self._transactions.begin() as tx:
            project = await tx.projects.get(project_id, actor.sight)
            actor.require(Permission.PROJECT_WRITE)
            if project_id == DEFAULT_PROJECT:
                raise DefaultProjectStaysError
            await tx.projects.delete(project_id)
            details = {"changes": changes(_recorded(project), {})}
            await tx.audit.record(_event(actor, "project.deleted", project, details))

    async def members(self, actor: Actor, project_id: ProjectId) -> list[Member]:
        """入れる人の全部。Raises: ProjectNotFoundError。"""
        reach = actor.reach(Permission.PROJECT_READ)
        async with self._transactions.look() as tx:
            await tx.projects.get(project_id, reach)
            return await tx.projects.members(project_id)

    async def set_member(self, actor: Actor, project_id: ProjectId, user_id: UserId, role: Role) -> Member:
        """一員に加える、または役割を変える。

        Raises: ProjectNotFoundError, MemberNotFoundError(そんな利用者がいない)。
        """
        async with self._transactions.begin() as tx:
            project = await _get_to_write(tx, actor, project_id)
            before = await tx.projects.member(project_id, user_id)
            await tx.projects.set_role(project_id, user_id, role)
            await _record_member(tx, actor, project, before, role)
            await tx.signals.send(SignalKind.USER, [user_id])
            return await tx.projects.member(project_id, user_id)

    async def remove_member(self, actor: Actor, project_id: ProjectId, user_id: UserId) -> None:
        """一員から外す。どこでも効く役割は、そのまま残る。

        Raises: ProjectNotFoundError, MemberNotFoundError。
        """
        async with self._transactions.begin() as tx:
            project = await _get_to_write(tx, actor, project_id)
            before = await tx.projects.member(project_id, user_id)
            if before.role is None:
                raise MemberNotFoundError
            await tx.projects.set_role(project_id, user_id, None)
            await _record_member(tx, actor, project, before, None)
            await tx.signals.send(SignalKind.USER, [user_id])


async def _get_to_write(tx: ProjectsTx, actor: Actor, project_id: ProjectId) -> Project:
    """Raises: ProjectNotFoundError, PermissionDeniedError。"""
    project = await tx.projects.get(project_id, actor.sight)
    actor.require(Permission.PROJECT_WRITE, project_id)
    return project


def _checked(draft: ProjectDraft) -> ProjectDraft:
    """Raises: InvalidInputError。"""
    errors = FieldErrors()
    name = checked_line("name", draft.name, errors)
    errors.raise_if_any()
    return ProjectDraft(name, draft.max_parallel)


def _recorded(project: Project | ProjectDraft) -> dict[str, object]:
    return {"name": project.name, "max_parallel": project.max_parallel}


async def _record_member(
    tx: ProjectsTx, actor: Actor, project: Project, before: Member, role: Role | None
) -> None:
    if before.role == role:
        return
    details: dict[str, object] = {
        "user_id": before.user_id,
        "username": before.username,
        "changes": changes({"role": before.role}, {"role": role}),
    }
    await tx.audit.record(_event(actor, "project.member_changed", project, details))


def _event(actor: Actor, action: str, project: Project, details: Mapping[str, object]) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="project",
        subject_id=project.id,
        subject_name=project.name,
        details=details,
        project_id=project.id,
    )
