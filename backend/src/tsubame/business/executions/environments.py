"""対象に渡す変数を、始めるその時に決める。

秘密は、始めるたびに新しく開く。渡した秘密は、対象が終わるまで暗号で控えておく: 走りのあいだに直されても、
引き継いだ者が、渡したとおりの値を伏せられるように。使った秘密の名前と版は、実行の記録と監査に残る。
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.audit.ports import AuditLog
from tsubame.business.executions.entities import Assignment
from tsubame.business.executions.errors import SecretUnusableError
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.batching import Batcher
from tsubame.business.shared.ids import (
    ExecutionId,
    TargetId,
    VariableId,
)
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.vault import Place, Vault, VaultError
from tsubame.business.variables.effective import by_strength
from tsubame.business.variables.entities import EVERYWHERE, Content, Owner, VariableKind, VariableScope
from tsubame.business.variables.ports import StoredVariable, VariableRepository
from tsubame.business.variables.sealing import content_of


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """スクリプトに渡す変数。``secrets`` は、ログで伏せる値。"""

    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    secrets: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class UsedSecret:
    """使った秘密。値は持たない。"""

    variable_id: VariableId
    version: int
    name: str
    scope: VariableScope
    kind: VariableKind
    maskable: bool


class RunSecretRepository(Protocol):
    async def hold(self, sealed: Mapping[TargetId, str]) -> dict[TargetId, str]:
        """控えをしまう。先にしまった者がいれば、その控えを返す。"""
        ...

    async def note_used(self, execution_id: ExecutionId, used: Sequence[UsedSecret]) -> list[UsedSecret]:
        """実行が使った秘密を記す。初めて記したものだけを返す。"""
        ...

    async def used(self, execution_id: ExecutionId) -> list[UsedSecret]:
        """名前の順。"""
        ...


class EnvironmentsTx(Protocol):
    @property
    def variables(self) -> VariableRepository: ...

    @property
    def run_secrets(self) -> RunSecretRepository: ...

    @property
    def audit(self) -> AuditLog: ...


@dataclass(frozen=True, slots=True)
class _Resolved:
    environment: RunEnvironment
    used: tuple[UsedSecret, ...]


class RunEnvironments:
    def __init__(self, transactions: Transactions[EnvironmentsTx], vault: Vault) -> None:
        self._transactions = transactions
        self._vault = vault
        self._lookups = Batcher("resolve-environments", self._look_up)

    async def of(self, assignment: Assignment) -> RunEnvironment:
        """対象に渡す変数の全部。同時に来た分は、まとめて読む。

        Raises: SecretUnusableError(しまってある秘密を開けない)。
        """
        found = await self._lookups.submit(assignment)
        if isinstance(found, SecretUnusableError):
            raise found
        return found

    async def _look_up(
        self, assignments: Sequence[Assignment]
    ) -> Sequence[RunEnvironment | SecretUnusableError]:
        fresh = [each for each in assignments if each.held_environment is None]
        stored: Sequence[StoredVariable] = []
        if fresh:
            async with self._transactions.look() as tx:
                stored = await tx.variables.stored(list({owner for each in fresh for owner in _owners(each)}))
        found: dict[TargetId, RunEnvironment | SecretUnusableError] = {}
        given: list[tuple[Assignment, _Resolved]] = []
        for each in assignments:
            target_id = each.lease.target_id
            try:
                if each.held_environment is not None:
                    found[target_id] = self._open(target_id, each.held_environment)
                    continue
                resolved = self._resolved(each, stored)
            except VaultError as problem:
                found[target_id] = SecretUnusableError(str(problem))
                continue
            found[target_id] = resolved.environment
            if resolved.used:
                given.append((each, resolved))
        if given:
            found |= await self._hold(given)
        return [found[each.lease.target_id] for each in assignments]

    def _resolved(self, assignment: Assignment, stored: Iterable[StoredVariable]) -> _Resolved:
        """Raises: VaultError。"""
        owners = _owners(assignment)
        # 同じ強さなら秘密が勝つように、秘密を先に並べる(古い写しの env と、あとから足した秘密)
        candidates = [variable for variable in stored if variable.owner in owners]
        candidates += _as_stored(assignment.spec.env)
        variables, files, secrets, used = [], [], [], []
        for strongest, *_ in by_strength(candidates).values():
            content = self._content(strongest)
            if strongest.kind is VariableKind.FILE:
                files.append((strongest.name, content.raw))
            else:
                variables.append((strongest.name, content.text()))
            if strongest.kind.is_secret:
                secrets.append(content.raw)
                used.append(_used(strongest))
        return _Resolved(RunEnvironment(tuple(variables), tuple(files), tuple(secrets)), tuple(used))

    def _content(self, stored: StoredVariable) -> Content:
        """Raises: VaultError。"""
        where = f"The secret {stored.name!r} ({stored.scope})"
        try:
            content = content_of(self._vault, stored)
        except VaultError as exc:
            raise VaultError(f"{where} cannot be opened with the encryption keys in use.") from exc
        if content is None:
            raise VaultError(f"{where} was given to an execution that has ended; its value is gone.")
        return content

    async def _hold(self, given: Sequence[tuple[Assignment, _Resolved]]) -> dict[TargetId, RunEnvironment]:
        """渡す秘密を控え、使ったことを記す。先に控えた者がいれば、その控えのとおりに渡す。"""
        sealed = {}
        for each, resolved in given:
            target_id = each.lease.target_id
            sealed[target_id] = self._vault.seal(_document(resolved.environment), _place(target_id))
        async with self._transactions.begin() as tx:
            held = await tx.run_secrets.hold(sealed)
            for each, resolved in sorted(given, key=lambda pair: pair[0].lease.execution_id):
                new = await tx.run_secrets.note_used(each.lease.execution_id, resolved.used)
                if new:
                    await tx.audit.record(_event(each, new))
        return {target_id: self._open(target_id, document) for target_id, document in held.items()}

    def _open(self, target_id: TargetId, sealed: str) -> RunEnvironment:
        """Raises: VaultError。"""
        try:
            document = json.loads(self._vault.open(sealed, _place(target_id)))
        except VaultError as exc:
            raise VaultError(
                "The secrets of this run cannot be opened with the encryption keys in use."
            ) from exc
        return RunEnvironment(
            variables=tuple((name, value) for name, value in document["variables"]),
            files=tuple((name, base64.b64decode(content)) for name, content in document["files"]),
            secrets=tuple(base64.b64decode(secret) for secret in document["secrets"]),
        )


def _as_stored(env: Sequence[tuple[str, str]]) -> list[StoredVariable]:
    """ジョブの中身に書いた変数(実行が写し取ったもの)。"""
    owner = Owner(VariableScope.JOB)
    return [
        StoredVariable(VariableId(0), owner, name, VariableKind.PLAIN, value, None, maskable=True, version=0)
        for name, value in env
    ]


def _used(stored: StoredVariable) -> UsedSecret:
    return UsedSecret(stored.id, stored.version, stored.name, stored.scope, stored.kind, stored.maskable)


def _document(environment: RunEnvironment) -> bytes:
    return json.dumps(
        {
            "variables": environment.variables,
            "files": [[name, base64.b64encode(raw).decode()] for name, raw in environment.files],
            "secrets": [base64.b64encode(secret).decode() for secret in environment.secrets],
        }
    ).encode()


def _place(target_id: TargetId) -> Place:
    return Place(table="target_secrets", column="sealed", row=target_id)


def _owners(assignment: Assignment) -> tuple[Owner, ...]:
    """この対象が、どこの変数を受けるか。"""
    origin = assignment.origin
    owners = [
        EVERYWHERE,
        Owner(VariableScope.PROJECT, origin.project_id),
        Owner(VariableScope.EXECUTION, assignment.lease.execution_id),
    ]
    if assignment.server_id is not None:
        owners.append(Owner(VariableScope.SERVER, assignment.server_id))
    if origin.job_id is not None:
        owners.append(Owner(VariableScope.JOB, origin.job_id))
    return tuple(owners)


def _event(assignment: Assignment, used: Sequence[UsedSecret]) -> AuditEvent:
    origin = assignment.origin
    secrets = [{"name": each.name, "scope": each.scope, "version": each.version} for each in used]
    return AuditEvent(
        actor=Actor(origin.requested_by, origin.requested_by_name, role=None),
        action="secret.used",
        subject_type="execution",
        subject_id=assignment.lease.execution_id,
        subject_name=origin.job_name,
        details={"secrets": secrets},
        project_id=origin.project_id,
    )
