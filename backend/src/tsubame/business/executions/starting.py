"""実行を始める用件: ジョブを動かす、もう一度、失敗した対象だけ、その場の命令。"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.audit.ports import AuditLog
from tsubame.business.credentials.ports import CredentialUses
from tsubame.business.executions.admission import AdmissionRepository, admit
from tsubame.business.executions.commands import CommandDraft, checked_command, command_title
from tsubame.business.executions.entities import (
    CancelReason,
    Execution,
    ExecutionDetail,
    ExecutionKind,
)
from tsubame.business.executions.errors import (
    IdempotencyMismatchError,
    NotEndedYetError,
    NothingToRerunError,
)
from tsubame.business.executions.flow import FlowRepository
from tsubame.business.executions.given_variables import Keeper, given_again
from tsubame.business.executions.ports import (
    ExecutionRepository,
    NewExecution,
    Queue,
    TargetRepository,
)
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.start_events import execution_event, given_details
from tsubame.business.executions.states import ENDED_EXECUTIONS
from tsubame.business.executions.strategies import plan_waves
from tsubame.business.jobs.entities import Job, ScriptSpec, ServerRef
from tsubame.business.jobs.errors import (
    JobDisabledError,
    JobHasNoServersError,
    JobNotFoundError,
    NoServerMatchesError,
)
from tsubame.business.jobs.policies import Queueing, WhenFull
from tsubame.business.jobs.ports import JobRepository
from tsubame.business.projects.access import require_place
from tsubame.business.servers.ports import ServerSelection
from tsubame.business.servers.selection import parse_selector, select_servers
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, ServerId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind, Signals
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.shared.vault import Vault
from tsubame.business.variables.drafts import VariableDraft, checked_given
from tsubame.business.variables.ports import VariableRepository


class StartTx(Protocol):
    @property
    def jobs(self) -> JobRepository: ...

    @property
    def selection(self) -> ServerSelection: ...

    @property
    def credential_uses(self) -> CredentialUses: ...

    @property
    def executions(self) -> ExecutionRepository: ...

    @property
    def targets(self) -> TargetRepository: ...

    @property
    def flow(self) -> FlowRepository: ...

    @property
    def admission(self) -> AdmissionRepository: ...

    @property
    def variables(self) -> VariableRepository: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


@dataclass(frozen=True, slots=True)
class StartRequest:
    """ジョブを動かす頼み。

    Attributes:
        idempotency_key: 同じ鍵で二度頼まれたら、二度目は最初の実行を返す。
        only: ジョブのサーバのうち、これだけで動かす。``None`` なら全部。
        priority: ``None`` なら、ジョブのとおり。
        variables: この実行だけに渡す変数。どこに置いた変数よりも強い。
    """

    job_id: JobId
    idempotency_key: str | None = None
    only: tuple[ServerId, ...] | None = None
    priority: int | None = None
    variables: tuple[VariableDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class _Order:
    """動かすものが決まった頼み。"""

    kind: ExecutionKind
    project_id: ProjectId
    job_id: JobId | None
    name: str
    spec: ScriptSpec
    servers: tuple[ServerRef, ...]
    queueing: Queueing
    idempotency_key: str | None = None
    rerun_of: ExecutionId | None = None
    action: str = "execution.started"
    details: Mapping[str, object] = field(default_factory=dict)
    given: tuple[VariableDraft, ...] = ()


class StartService:
    def __init__(self, transactions: Transactions[StartTx], clock: Clock, vault: Vault) -> None:
        self._transactions = transactions
        self._clock = clock
        self._vault = vault

    async def start(self, actor: Actor, request: StartRequest) -> ExecutionDetail:
        """ジョブを動かす。待ち行列に並べたら戻る。

        Raises:
            JobNotFoundError, JobDisabledError, JobHasNoServersError, NoServerMatchesError,
            InvalidInputError(ジョブのものでないサーバ), IdempotencyMismatchError。
        """
        given = checked_given(request.variables)
        async with self._transactions.begin() as tx:
            earlier = await _earlier(tx, actor, request.idempotency_key)
            if earlier is not None:
                actor.require(Permission.EXECUTION_START, earlier.project_id)
                if earlier.job_id != request.job_id:
                    raise IdempotencyMismatchError("This Idempotency-Key already started something else.")
                return await tx.executions.detail(earlier.id)
            job = await tx.jobs.get(request.job_id, actor.sight)
            actor.require(Permission.EXECUTION_START, job.project_id)
            order = replace(
                _order_of(job), servers=await _servers_of(tx, job), idempotency_key=request.idempotency_key
            )
            if request.only is not None:
                servers = _limited(order.servers, request.only)
                details = {"only": [server.name for server in servers]}
                order = replace(order, servers=servers, details=details)
            if request.priority is not None:
                order = replace(order, queueing=replace(order.queueing, priority=request.priority))
            return await self._add(tx, actor, replace(order, given=given))

    async def rerun(
        self, actor: Actor, execution_id: ExecutionId, variables: Sequence[VariableDraft] = ()
    ) -> ExecutionDetail:
        """同じ中身(当時の写し)を、同じサーバで、もう一度動かす。

        前に渡した秘密でない変数は、また渡す。秘密はもうないので、``variables`` で渡し直してもらう。

        Raises: ExecutionNotFoundError, JobDisabledError, SecretsNeededError。
        """
        given = checked_given(variables)
        async with self._transactions.begin() as tx:
            earlier = await tx.executions.detail(execution_id, actor.sight)
            actor.require(Permission.EXECUTION_START, earlier.execution.project_id)
            servers = tuple(
                ServerRef(target.server_id, target.server_name)
                for target in earlier.targets
                if target.server_id is not None
            )
            order = await _order_again(tx, earlier)
            given = await given_again(tx, execution_id, given)
            again = replace(order, servers=servers, rerun_of=execution_id, given=given)
            return await self._add(tx, actor, again)

    async def rerun_failed(
        self, actor: Actor, execution_id: ExecutionId, variables: Sequence[VariableDraft] = ()
    ) -> ExecutionDetail:
        """成功しなかった対象だけを、同じ実行の中で、もう一度動かす。前の試みは残る。

        Raises:
            ExecutionNotFoundError, NotEndedYetError, NothingToRerunError, JobDisabledError,
            SecretsNeededError。
        """
        given = checked_given(variables)
        async with self._transactions.begin() as tx:
            now = self._clock.now()
            execution = await tx.executions.get(execution_id, actor.sight)
            actor.require(Permission.EXECUTION_START, execution.project_id)
            flow = await tx.flow.lock(execution_id)
            if flow.state not in ENDED_EXECUTIONS:
                raise NotEndedYetError(f"Execution {execution_id} has not ended yet.")
            await _order_again(tx, await tx.executions.detail(execution_id))
            again = await tx.flow.to_try_again(execution_id)
            if not again:
                raise NothingToRerunError(f"Every target of execution {execution_id} succeeded.")
            given = await given_again(tx, execution_id, given)
            await Keeper(self._vault, actor.name).keep(tx, execution_id, given)
            await tx.targets.try_again(again, now, not_before=None)
            await tx.flow.queue_again(execution_id, now)
            await tx.flow.refresh(execution_id, now)
            await admit(tx, now)
            details: dict[str, object] = {"targets": len(again)}
            detail = await tx.executions.detail(execution_id)
            await tx.audit.record(execution_event(actor, "execution.failed_rerun", detail.execution, details))
            await tx.credential_uses.note(actor, execution_id, detail.execution.job_name)
            return detail

    async def command(
        self, actor: Actor, draft: CommandDraft, idempotency_key: str | None
    ) -> ExecutionDetail:
        """その場の命令を動かす。

        Raises: ProjectNotFoundError, InvalidInputError, NoServerMatchesError, IdempotencyMismatchError。
        """
        require_place(actor, Permission.EXECUTION_COMMAND, draft.project_id)
        draft = checked_command(draft)
        async with self._transactions.begin() as tx:
            earlier = await _earlier(tx, actor, idempotency_key)
            if earlier is not None:
                if (earlier.kind, earlier.project_id) != (ExecutionKind.AD_HOC, draft.project_id):
                    raise IdempotencyMismatchError("This Idempotency-Key already started something else.")
                return await tx.executions.detail(earlier.id)
            order = _Order(
                kind=ExecutionKind.AD_HOC,
                project_id=draft.project_id,
                job_id=None,
                name=command_title(draft.spec.script),
                spec=draft.spec,
                servers=await _selected(tx, draft.project_id, draft.server_ids, draft.selector),
                queueing=Queueing(priority=draft.priority),
                idempotency_key=idempotency_key,
                action="command.started",
                details={"command": draft.spec.script},
            )
            return await self._add(tx, actor, order)

    async def _add(self, tx: StartTx, actor: Actor, order: _Order) -> ExecutionDetail:
        if not order.servers:
            raise JobHasNoServersError(f"The job {order.name!r} has no servers to run on.")
        now = self._clock.now()
        skipped = await self._make_room(tx, actor, order, now)
        added = await tx.executions.add(
            NewExecution(
                kind=order.kind,
                project_id=order.project_id,
                job_id=order.job_id,
                job_name=order.name,
                spec=order.spec,
                priority=order.queueing.priority,
                servers=order.servers,
                waves=plan_waves(order.spec.strategy, len(order.servers)),
                entered=order.queueing.concurrency_limit is None,
                skipped=skipped,
                requested_by=actor,
                rerun_of=order.rerun_of,
                idempotency_key=order.idempotency_key,
                created_at=now,
            )
        )
        execution_id = added.execution.id
        keeper = Keeper(self._vault, actor.name)
        await (keeper.keep if skipped is None else keeper.note)(tx, execution_id, order.given)
        admitted = await admit(tx, now) if skipped is None else ()
        details = {**order.details, **given_details(order.given)}
        await tx.audit.record(execution_event(actor, order.action, added.execution, details))
        if skipped is None:
            await tx.credential_uses.note(actor, execution_id, order.name)
        await tx.signals.send(SignalKind.EXECUTION, [execution_id])
        if skipped is None and not {target.id for target in added.targets}.issubset(admitted):
            # 順番を待つものがある。その居場所を読む
            return await tx.executions.detail(execution_id)
        return added

    async def _make_room(self, tx: StartTx, actor: Actor, order: _Order, now: datetime) -> Reason | None:
        """ジョブの枠が一杯なら、決まりのとおりにする。飛ばすなら、そのわけを返す。"""
        limit = order.queueing.concurrency_limit
        if limit is None or order.job_id is None:
            return None
        occupants = await tx.executions.occupants(order.job_id)
        if len(occupants) < limit:
            return None
        match order.queueing.when_full:
            case WhenFull.SKIP:
                return Reason.JOB_BUSY
            case WhenFull.REPLACE:
                for old in occupants[: len(occupants) - limit + 1]:
                    left = await tx.executions.request_cancel(old, actor, now, CancelReason.REPLACED)
                    await tx.audit.record(
                        AuditEvent(
                            actor,
                            "execution.replaced",
                            "execution",
                            old,
                            order.name,
                            project_id=order.project_id,
                        )
                    )
                    await tx.signals.send(SignalKind.CANCEL, left)
            case WhenFull.QUEUE:
                pass
        return None


async def _earlier(tx: StartTx, actor: Actor, key: str | None) -> Execution | None:
    """同じ鍵で始めた実行。"""
    return None if key is None else await tx.executions.find_by_idempotency_key(actor.user_id, key)


def _order_of(job: Job) -> _Order:
    if not job.enabled:
        raise JobDisabledError(f"The job {job.name!r} is disabled.", params={"name": job.name})
    return _Order(
        kind=ExecutionKind.JOB,
        project_id=job.project_id,
        job_id=job.id,
        name=job.name,
        spec=job.spec,
        servers=job.servers,
        queueing=job.queueing,
    )


async def _order_again(tx: StartTx, detail: ExecutionDetail) -> _Order:
    """もう一度動かしてよいかを確かめ、サーバを除いた頼みを返す。"""
    earlier = detail.execution
    if earlier.kind is ExecutionKind.JOB:
        if earlier.job_id is None:
            raise JobNotFoundError("The job of this execution was deleted.")
        return replace(_order_of(await tx.jobs.get(earlier.job_id)), spec=detail.spec)
    return _Order(
        kind=earlier.kind,
        project_id=earlier.project_id,
        job_id=None,
        name=earlier.job_name,
        spec=detail.spec,
        servers=(),
        queueing=Queueing(priority=earlier.priority),
    )


async def _servers_of(tx: StartTx, job: Job) -> tuple[ServerRef, ...]:
    """始める今の、ジョブのサーバ。"""
    if job.selector is None:
        return job.servers
    return await _selected(tx, job.project_id, [server.id for server in job.servers], job.selector)


async def _selected(
    tx: StartTx, project_id: ProjectId, named: Sequence[ServerId], selector: str | None
) -> tuple[ServerRef, ...]:
    """同じプロジェクトのサーバからだけ選ぶ。

    Raises: InvalidInputError(消えたサーバ), NoServerMatchesError。
    """
    everyone = await tx.selection.everyone(frozenset({project_id}))
    _check_members(named, {server.id for server in everyone}, "server_not_found")
    chosen = select_servers(named, None if selector is None else parse_selector(selector), everyone)
    if not chosen:
        raise NoServerMatchesError(f"No server matches {selector!r}.", params={"selector": selector or ""})
    return tuple(ServerRef(server.id, server.name) for server in chosen)


def _limited(servers: Sequence[ServerRef], only: Sequence[ServerId]) -> tuple[ServerRef, ...]:
    """``only`` に並べたものだけ。順はジョブのまま。"""
    _check_members(only, {server.id for server in servers}, "server_not_selected")
    return tuple(server for server in servers if server.id in only)


def _check_members(server_ids: Sequence[ServerId], known: Collection[ServerId], code: str) -> None:
    errors = FieldErrors()
    for index, server_id in enumerate(server_ids):
        if server_id not in known:
            errors.add(f"server_ids.{index}", code, "This server is not one of the servers to choose from.")
    errors.raise_if_any()
