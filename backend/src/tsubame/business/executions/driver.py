"""一つの対象を、始めから終わりまで動かす。

何度配達されてもよい: 権利を取れた者だけが動かし、走りは名前(run_id)ごとに一度しか始まらない。
途中でどこが死んでも、次に引き受けた者が、保存済みの位置から続ける。
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from tsubame.business.credentials.entities import KeyLogin, PasswordLogin
from tsubame.business.executions.entities import Assignment, Ending, Mark, TargetResult
from tsubame.business.executions.environments import RunEnvironment
from tsubame.business.executions.errors import SecretUnusableError
from tsubame.business.executions.log_writer import LogStream, LogWriter
from tsubame.business.executions.masking import Masker, MaskingPlan, MaskingPlans, masked_text
from tsubame.business.executions.outcomes import Stopped, decide, never_started
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.records import TargetRecords
from tsubame.business.executions.remote_run import (
    Attachment,
    Cut,
    Exited,
    Guard,
    Hello,
    Lost,
    Outcome,
    Refused,
    RemoteRuns,
    RunOrder,
)
from tsubame.business.executions.states import TargetState
from tsubame.business.executions.stopper import GRACE_S, Stopper
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.jobs.script import interpreter_of, script_bytes
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import (
    ConnectionLostError,
    ConnectionProblem,
    HostKeyChangedError,
    ServerNotFoundError,
)
from tsubame.business.shared.backoff import Backoff
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.secret import Secret

_BRIEF_S: Final = 0.1
"""これより早く終わる走りには、「走り出した」の記録を一つ省く。"""


class Endpoints(Protocol):
    """サーバの番号から、つなぐのに要るものを組み立てる口(servers の部屋が持つ)。"""

    async def endpoint_of(self, server_id: ServerId) -> Endpoint:
        """Raises: ServerNotFoundError, CredentialUnusableError。"""
        ...

    async def note_changed_key(self, endpoint: Endpoint, problem: HostKeyChangedError) -> None:
        """固定したものと違う鍵を見せられたことを書き留める。承認されるまで、画面に両方を出す。"""
        ...


class Environments(Protocol):
    """対象に渡す変数を決める口。"""

    async def of(self, assignment: Assignment) -> RunEnvironment:
        """Raises: SecretUnusableError。"""
        ...


@dataclass(frozen=True, slots=True)
class DriverPorts:
    records: TargetRecords
    runs: RemoteRuns
    endpoints: Endpoints
    log_writer: LogWriter
    clock: Clock
    environments: Environments
    masking: MaskingPlans


class TargetDriver:
    """権利を取った一つの対象の運転手。一度だけ ``drive`` する。"""

    def __init__(self, ports: DriverPorts, assignment: Assignment) -> None:
        self._ports = ports
        self._assignment = assignment
        self._lease = assignment.lease
        self._state = assignment.state
        self._backoff = Backoff()
        self._marked: tuple[TargetState, str | None] | None = None
        # starting のあいだに引き継いだなら、前の者がもう送り出したかもしれない
        self._maybe_sent = assignment.lease.epoch > 1 or assignment.state is not TargetState.STARTING
        self._environment = RunEnvironment()
        self._plan: MaskingPlan | None = None
        self.endpoint: Endpoint | None = None
        """最後に使ったつなぎ方。"""

    async def drive(self, cancel: asyncio.Event) -> TargetResult:
        """終わりまで動かし、確定させた終わりを返す。

        Raises:
            LeaseLostError: ほかのワーカーが引き継いだ。
        """
        result = await self._drive(cancel)
        result = replace(result, detail=self._masked(result.detail))
        await self._ports.records.end(Ending(self._lease, result))
        return result

    async def _drive(self, cancel: asyncio.Event) -> TargetResult:
        if cancel.is_set() and not self._maybe_sent:
            return TargetResult(state=TargetState.CANCELLED, reason=Reason.CANCELLED_BY_USER)
        try:
            return await self._run(await self._prepared(), cancel)
        except ServerNotFoundError:
            return TargetResult(state=TargetState.FAILED, reason=Reason.SERVER_DELETED)
        except SecretUnusableError as problem:
            return TargetResult(state=TargetState.FAILED, reason=Reason.SECRET_UNUSABLE, detail=str(problem))
        except ConnectionProblem as problem:
            if cancel.is_set() and not self._maybe_sent:
                return TargetResult(state=TargetState.CANCELLED, reason=Reason.CANCELLED_BY_USER)
            return TargetResult(state=TargetState.FAILED, reason=problem.code, detail=problem.detail)

    async def _prepared(self) -> Endpoint:
        """つなぐのに要るものと、渡す変数を、同時に読む。"""
        reading = asyncio.create_task(
            self._ports.environments.of(self._assignment), name=f"environment-{self._lease.target_id}"
        )
        async with _owning(reading):
            endpoint = await self._endpoint()
            self._environment = await reading
        self._plan = self._ports.masking.of((*secrets_of(endpoint), *self._environment.secrets))
        return endpoint

    def _masked(self, detail: str) -> str:
        """理由の文にも、相手の言ったことを通じて、渡した値が混ざりうる。"""
        return detail if self._plan is None else masked_text(self._plan, detail)

    async def _endpoint(self) -> Endpoint:
        if self._assignment.server_id is None:
            raise ServerNotFoundError("The server of this target was deleted.")
        return await self._ports.endpoints.endpoint_of(self._assignment.server_id)

    async def _run(self, endpoint: Endpoint, cancel: asyncio.Event) -> TargetResult:
        stopper = Stopper(
            self._ports.runs, self._ports.clock, self._assignment.run_id, lambda: not self._maybe_sent
        )
        log = self._ports.log_writer.open(self._assignment, Masker(self._plan))
        if self._state is not TargetState.STARTING:
            stopper.run_began()
        watching = asyncio.create_task(
            stopper.watch(cancel, self._deadline(), self._endpoint), name=f"stop-{self._lease.target_id}"
        )
        following = asyncio.create_task(
            self._follow(endpoint, log, stopper), name=f"follow-{self._lease.target_id}"
        )
        async with _owning(watching, following):
            await asyncio.wait({watching, following}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            stopped = stopper.stopped
            if stopped and stopped.report is None and not (following.done() and self._maybe_sent):
                following.cancel()
                await asyncio.wait({following})
                return await self._abandon(log, stopped)
            outcome = await following
            await log.finish()
            # 止める命令の返事(生き残りの番号)が、走りの終わりより少し遅れて届くことがある
            if stopper.stopped is not None:
                await watching
            return decide(outcome, stopper.stopped)

    def _deadline(self) -> datetime | None:
        timeout_s = self._assignment.spec.timeout_s
        started_at = self._assignment.started_at
        if timeout_s is None or started_at is None:
            return None
        return started_at + timedelta(seconds=timeout_s)

    async def _abandon(self, log: LogStream, stopped: Stopped) -> TargetResult:
        """止めたいのに届かない。送り出したあとなら、止まったとは言わず、確かめられなかったと記す。"""
        await log.finish()
        if not self._maybe_sent:
            return never_started(stopped)
        return TargetResult(state=TargetState.LOST, reason=Reason.CANCEL_UNCONFIRMED, detail=stopped.cause)

    async def _follow(self, endpoint: Endpoint, log: LogStream, stopper: Stopper) -> Exited | Lost | Refused:
        while True:
            try:
                attachment = await self._connect(endpoint, log, stopper)
            except ConnectionProblem as problem:
                if isinstance(problem, HostKeyChangedError):
                    await self._ports.endpoints.note_changed_key(endpoint, problem)
                # まだ何も送っていないなら、待たせず理由を見せる。送ったかもしれないなら、結末を追い続ける
                if not self._maybe_sent and not isinstance(problem, ConnectionLostError):
                    raise
                await self._lost_contact(problem.code, problem.detail)
                endpoint = await self._renewed(endpoint)
                continue
            try:
                async with _owning(*self._contact(endpoint)):
                    outcome = await self._pump(attachment, log, stopper)
            except ConnectionProblem as problem:
                # 走り出したあとに入れなくなっても(sudo のパスワードが変わった、など)、走りは続いている
                if self._state is TargetState.STARTING:
                    raise
                await self._lost_contact(problem.code, problem.detail)
                endpoint = await self._renewed(endpoint)
                continue
            if isinstance(outcome, Exited | Lost) or (
                isinstance(outcome, Refused) and outcome.why != "short"
            ):
                return outcome
            await self._lost_contact(
                ConnectionLostError.code, outcome.detail if isinstance(outcome, Cut) else ""
            )

    async def _renewed(self, endpoint: Endpoint) -> Endpoint:
        """待っているあいだに人が直した設定(承認した鍵、新しいパスワード)を読み直す。"""
        try:
            return await self._ports.endpoints.endpoint_of(endpoint.server_id)
        except (ServerNotFoundError, ConnectionProblem, UnavailableError):
            return endpoint

    async def _connect(self, endpoint: Endpoint, log: LogStream, stopper: Stopper) -> Attachment:
        self.endpoint = endpoint
        offset = log.remote_position
        # hello を記録したあとに送り直すと、消えた記録の上で二度目が始まりうる
        if self._state is TargetState.STARTING and offset == 0:
            spec = self._assignment.spec
            order = RunOrder(
                run_id=self._assignment.run_id,
                script=script_bytes(spec),
                interpreter=interpreter_of(spec),
                environment=(*self._environment.variables, *self._own_variables(endpoint)),
                working_directory=spec.working_directory,
                guard=_guard(spec),
                files=self._environment.files,
            )
            return await self._ports.runs.start(endpoint, order, lambda: self._sending(stopper))
        return await self._ports.runs.attach(endpoint, self._assignment.run_id, offset)

    def _own_variables(self, endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
        """どの走りにも渡す、つばめの変数。ほかに ``TSUBAME_RUN_ID`` を、送るときに足す。"""
        return (
            ("TSUBAME_EXECUTION_ID", str(self._lease.execution_id)),
            ("TSUBAME_SERVER_NAME", endpoint.name),
        )

    def _sending(self, stopper: Stopper) -> None:
        """いよいよ送り出す。まだ一度も送っていないのに止めよと言われていたら、送らない。"""
        if stopper.stopped is not None and not self._maybe_sent:
            raise ConnectionLostError("It was stopped before anything was sent.")
        self._maybe_sent = True

    async def _pump(self, attachment: Attachment, log: LogStream, stopper: Stopper) -> Outcome:
        try:
            return await self._receive(attachment, log, stopper)
        finally:
            await attachment.close()

    async def _receive(self, attachment: Attachment, log: LogStream, stopper: Stopper) -> Outcome:
        hello = await attachment.hello()
        if not isinstance(hello, Hello):
            return hello
        self._backoff.reset()
        stopper.run_began()
        # 状態の記録を待たずに、出力を受け取り始める。最初の一行を早く見せるため
        over = asyncio.Event()
        marking = asyncio.create_task(self._mark_running(over), name=f"mark-{self._lease.target_id}")
        async with _owning(marking):
            while data := await attachment.read():
                await log.write(data)
            outcome = await attachment.outcome()
            if isinstance(outcome, Exited):
                over.set()
            await marking
            return outcome

    async def _mark_running(self, over: asyncio.Event) -> None:
        """走り出したと記す。すぐ終わるものは、終わりの記録がそれも兼ねる。

        記す前に倒れても、同じ名前で送り直すだけで、二度は始まらない。
        """
        try:
            async with asyncio.timeout(_BRIEF_S):
                await over.wait()
        except TimeoutError:
            await self._mark(TargetState.RUNNING, None, "")

    def _contact(self, endpoint: Endpoint) -> tuple[asyncio.Task[None], ...]:
        """連絡がなければ止まる走りに、「まだ見ている」と伝え続ける仕事。"""
        silence_s = self._assignment.spec.stop_without_contact_s
        if silence_s is None:
            return ()

        async def keep() -> None:
            # 一度や二度届かなくても切れたことにならない間隔
            while True:
                with contextlib.suppress(ConnectionProblem):
                    await self._ports.runs.keep_contact(endpoint, self._assignment.run_id)
                await asyncio.sleep(silence_s / 4)

        return (asyncio.create_task(keep(), name=f"contact-{self._lease.target_id}"),)

    async def _lost_contact(self, reason: str, detail: str) -> None:
        """連絡が切れたことを記し、間をおく。"""
        state = TargetState.STARTING if self._state is TargetState.STARTING else TargetState.DISCONNECTED
        await self._mark(state, reason, detail)
        await asyncio.sleep(self._backoff.next_delay_s())

    async def _mark(self, state: TargetState, reason: str | None, detail: str) -> None:
        self._state = state
        if self._marked == (state, reason):
            return
        await self._ports.records.mark(Mark(self._lease, state, reason, self._masked(detail)))
        self._marked = (state, reason)


def _guard(spec: ScriptSpec) -> Guard | None:
    """こちらがいなくなっても決まりが守られるように、サーバの側にも見張りを頼む。"""
    if spec.timeout_s is None and spec.stop_without_contact_s is None:
        return None
    return Guard(spec.timeout_s, spec.stop_without_contact_s, GRACE_S)


def secrets_of(endpoint: Endpoint) -> tuple[bytes, ...]:
    """ログに出てはならない値。"""
    held: list[Secret | None] = []
    for hop in (*endpoint.hops, endpoint):
        match hop.login:
            case PasswordLogin(password=login):
                held.append(login)
            case KeyLogin(passphrase=passphrase):
                held.append(passphrase)
        held.append(None if hop.sudo is None else hop.sudo.password)
    return tuple(secret.reveal().encode("utf-8", "surrogatepass") for secret in held if secret is not None)


@contextlib.asynccontextmanager
async def _owning(*tasks: asyncio.Task[object]) -> AsyncIterator[None]:
    """抜けるとき、残っている仕事を取り消して、終わるまで待つ。"""
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
