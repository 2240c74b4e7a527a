from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.shared.ids import JobId, ProjectId, VariableId
from tsubame.business.variables.entities import Owner, Variable, VariableKind, VariableScope


@dataclass(frozen=True, slots=True)
class ValueColumns:
    """値をしまう形。秘密でなければ ``value``、秘密なら ``sealed``(置き場所に結びついた暗号文)。"""

    value: str | None
    sealed: str | None
    maskable: bool


@dataclass(frozen=True, slots=True)
class NewVariable:
    id: VariableId
    owner: Owner
    name: str
    kind: VariableKind
    content: ValueColumns
    by_name: str


@dataclass(frozen=True, slots=True)
class VariableChange:
    """``content`` が ``None`` なら、値は今のまま。"""

    name: str
    kind: VariableKind
    content: ValueColumns | None
    by_name: str


@dataclass(frozen=True, slots=True)
class StoredVariable:
    """走りに渡すために読んだ行。"""

    id: VariableId
    owner: Owner
    name: str
    kind: VariableKind
    value: str | None
    sealed: str | None
    maskable: bool
    version: int

    @property
    def scope(self) -> VariableScope:
        return self.owner.scope


class VariableRepository(Protocol):
    async def next_id(self) -> VariableId:
        """暗号を行に結びつけるため、入れる前に番号を取る。"""
        ...

    async def add(self, new: NewVariable) -> None:
        """Raises: NameTakenError, VariableOwnerNotFoundError。"""
        ...

    async def replace(
        self, variable_id: VariableId, change: VariableChange, expected_version: int | None
    ) -> None:
        """Raises: NameTakenError, VersionConflictError, VariableNotFoundError。"""
        ...

    async def get(self, variable_id: VariableId) -> Variable:
        """Raises: VariableNotFoundError。"""
        ...

    async def of(self, owner: Owner) -> list[Variable]:
        """そこに置いた全部。名前の順。"""
        ...

    async def delete(self, variable_id: VariableId) -> None:
        """Raises: VariableNotFoundError。"""
        ...

    async def project_of(self, owner: Owner) -> ProjectId | None:
        """置き先のあるプロジェクト。全体なら ``None``。Raises: VariableOwnerNotFoundError。"""
        ...

    async def env_names(self, job_id: JobId) -> frozenset[str]:
        """ジョブの中身に書いた、秘密でない変数(``env``)の名前。"""
        ...

    async def stored(self, owners: Sequence[Owner]) -> list[StoredVariable]:
        """置き先のどれかにある全部を、値ごと。"""
        ...


class VariablesTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def variables(self) -> VariableRepository: ...

    @property
    def audit(self) -> AuditLog: ...
