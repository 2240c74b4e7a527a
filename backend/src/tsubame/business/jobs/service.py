"""ジョブの用件。"""

from dataclasses import replace

from tsubame.business.audit.changes import changes, facts
from tsubame.business.audit.entities import AuditEvent
from tsubame.business.jobs.drafts import checked_job
from tsubame.business.jobs.entities import Job
from tsubame.business.jobs.ports import JobDraft, JobFilter, JobsTx
from tsubame.business.projects.access import require_place
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import JobId, ProjectId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.variables.entities import Owner, VariableScope


class JobService:
    def __init__(self, transactions: Transactions[JobsTx]) -> None:
        self._transactions = transactions

    async def page(self, actor: Actor, where: JobFilter, request: PageRequest) -> Page[Job]:
        reach = actor.reach(Permission.JOB_READ)
        async with self._transactions.begin() as tx:
            return await tx.jobs.page(where, reach, request)

    async def get(self, actor: Actor, job_id: JobId) -> Job:
        """Raises: JobNotFoundError。"""
        reach = actor.reach(Permission.JOB_READ)
        async with self._transactions.begin() as tx:
            return await tx.jobs.get(job_id, reach)

    async def create(self, actor: Actor, project_id: ProjectId, draft: JobDraft) -> Job:
        """Raises: ProjectNotFoundError, InvalidInputError, NameTakenError。"""
        require_place(actor, Permission.JOB_WRITE, project_id)
        draft = checked_job(draft)
        async with self._transactions.begin() as tx:
            await _check_servers(tx, project_id, draft)
            job = await tx.jobs.add(project_id, draft)
            details: dict[str, object] = {"changes": _changes(None, draft)}
            await _tell(tx, _event(actor, "job.created", job, details))
        return job

    async def update(self, actor: Actor, job_id: JobId, draft: JobDraft, expected_version: int | None) -> Job:
        """始まっている実行は、写し取った中身のまま続く。

        Raises: InvalidInputError, NameTakenError, VersionConflictError, JobNotFoundError。
        """
        async with self._transactions.begin() as tx:
            before = await _get_to_write(tx, actor, job_id)
            draft = checked_job(draft)
            await _check_servers(tx, before.project_id, draft)
            await _check_secret_names(tx, job_id, draft)
            job = await tx.jobs.replace(job_id, draft, expected_version)
            details: dict[str, object] = {"changes": _changes(_draft_of(before), draft)}
            await _tell(tx, _event(actor, "job.updated", job, details))
            if before.queueing.concurrency_limit != draft.queueing.concurrency_limit:
                # 広がった枠を待っている実行を、すぐ始めるため
                await tx.signals.send(SignalKind.QUEUE, [0])
        return job

    async def duplicate(self, actor: Actor, job_id: JobId, name: str) -> Job:
        """同じ中身の、別の名前のジョブ。履歴は写さない。

        Raises: InvalidInputError, NameTakenError, JobNotFoundError。
        """
        async with self._transactions.begin() as tx:
            original = await _get_to_write(tx, actor, job_id)
            draft = checked_job(replace(_draft_of(original), name=name))
            job = await tx.jobs.add(original.project_id, draft)
            await _tell(
                tx,
                _event(actor, "job.created", job, {"duplicate_of": job_id, "changes": _changes(None, draft)}),
            )
        return job

    async def delete(self, actor: Actor, job_id: JobId) -> None:
        """消す。履歴は残り、動いている実行は最後まで続く。

        Raises: JobNotFoundError。
        """
        async with self._transactions.begin() as tx:
            job = await _get_to_write(tx, actor, job_id)
            await tx.jobs.delete(job_id)
            details: dict[str, object] = {"changes": _changes(_draft_of(job), None)}
            await _tell(tx, _event(actor, "job.deleted", job, details))


async def _get_to_write(tx: JobsTx, actor: Actor, job_id: JobId) -> Job:
    """Raises: JobNotFoundError, PermissionDeniedError。"""
    job = await tx.jobs.get(job_id, actor.sight)
    actor.require(Permission.JOB_WRITE, job.project_id)
    return job


async def _check_servers(tx: JobsTx, project_id: ProjectId, draft: JobDraft) -> None:
    """同じプロジェクトのサーバだけで動かす。Raises: InvalidInputError。"""
    existing = await tx.servers.existing(project_id, draft.server_ids)
    errors = FieldErrors()
    for index, server_id in enumerate(draft.server_ids):
        if server_id not in existing:
            errors.add(f"server_ids.{index}", "server_not_found", "There is no such server in this project.")
    errors.raise_if_any()


async def _check_secret_names(tx: JobsTx, job_id: JobId, draft: JobDraft) -> None:
    """このジョブの秘密と同じ名前を、秘密でない変数に使わせない。"""
    taken = {variable.name for variable in await tx.variables.of(Owner(VariableScope.JOB, job_id))}
    errors = FieldErrors()
    for name, _ in draft.spec.env:
        if name in taken:
            errors.add(f"env.{name}", "env_name_is_secret", "This job has a secret of the same name.")
    errors.raise_if_any()


async def _tell(tx: JobsTx, event: AuditEvent) -> None:
    await tx.audit.record(event)
    if event.subject_id is not None:
        await tx.signals.send(SignalKind.JOB, [event.subject_id])


def _draft_of(job: Job) -> JobDraft:
    return JobDraft(
        name=job.name,
        description=job.description,
        spec=job.spec,
        server_ids=tuple(server.id for server in job.servers),
        enabled=job.enabled,
        selector=job.selector,
        queueing=job.queueing,
    )


def _changes(before: JobDraft | None, after: JobDraft | None) -> dict[str, object]:
    # 環境変数の値には秘密を書く人がいる。どの名前が変わったかだけを残す
    old, new = _recorded(before), _recorded(after)
    return changes(old, new, secret={name for name in (*old, *new) if name.startswith("env.")})


def _recorded(draft: JobDraft | None) -> dict[str, object]:
    if draft is None:
        return {}
    spec = facts(draft.spec)
    env = {f"env.{name}": value for name, value in draft.spec.env}
    return {
        name: value for name, value in {**facts(draft), **spec, **env}.items() if name not in {"spec", "env"}
    }


def _event(actor: Actor, action: str, job: Job, details: dict[str, object] | None = None) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="job",
        subject_id=job.id,
        subject_name=job.name,
        details=details or {},
        project_id=job.project_id,
    )
