"""始めるときに渡す変数。秘密は実行とともに暗号でしまい、実行が終わると値だけが消える。"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tsubame.business.executions.errors import SecretsNeededError
from tsubame.business.shared.ids import ExecutionId
from tsubame.business.shared.vault import Vault
from tsubame.business.variables.drafts import VariableDraft
from tsubame.business.variables.entities import Content, Owner, Variable, VariableScope
from tsubame.business.variables.ports import (
    NewVariable,
    ValueColumns,
    VariableChange,
    VariableRepository,
)
from tsubame.business.variables.sealing import columns_of


class GivenTx(Protocol):
    @property
    def variables(self) -> VariableRepository: ...


@dataclass(frozen=True, slots=True)
class Keeper:
    """渡された変数を、実行とともにしまう。"""

    vault: Vault
    by_name: str

    async def keep(self, tx: GivenTx, execution_id: ExecutionId, given: Iterable[VariableDraft]) -> None:
        """同じ名前があれば置き換える(終わった実行の一部を、もう一度動かすとき)。"""
        given = tuple(given)
        if not given:
            return
        owner = Owner(VariableScope.EXECUTION, execution_id)
        earlier = {variable.name: variable for variable in await tx.variables.of(owner)}
        for draft in given:
            content = draft.content or Content(b"")
            before = earlier.get(draft.name)
            if before is None:
                variable_id = await tx.variables.next_id()
                columns = columns_of(self.vault, variable_id, draft.kind, content)
                new = NewVariable(variable_id, owner, draft.name, draft.kind, columns, self.by_name)
                await tx.variables.add(new)
            else:
                columns = columns_of(self.vault, before.id, draft.kind, content)
                change = VariableChange(draft.name, draft.kind, columns, self.by_name)
                await tx.variables.replace(before.id, change, before.version)

    async def note(self, tx: GivenTx, execution_id: ExecutionId, given: Iterable[VariableDraft]) -> None:
        """動かさずに終える実行。渡された変数の名前だけを残し、秘密の値はしまわない。"""
        for draft in given:
            text = None if draft.kind.is_secret or draft.content is None else draft.content.text()
            columns = ValueColumns(text, None, maskable=True)
            owner, variable_id = Owner(VariableScope.EXECUTION, execution_id), await tx.variables.next_id()
            await tx.variables.add(
                NewVariable(variable_id, owner, draft.name, draft.kind, columns, self.by_name)
            )


async def given_again(
    tx: GivenTx, execution_id: ExecutionId, given: Sequence[VariableDraft]
) -> tuple[VariableDraft, ...]:
    """前の実行に渡した変数に、新しく渡された変数を重ねたもの。

    Raises: SecretsNeededError(前の秘密の値は、もうない)。
    """
    earlier = await tx.variables.of(Owner(VariableScope.EXECUTION, execution_id))
    merged = {draft.name: draft for variable in earlier for draft in _plain(variable)}
    merged |= {draft.name: draft for draft in given}
    missing = [variable.name for variable in earlier if variable.name not in merged]
    if missing:
        names = ", ".join(missing)
        raise SecretsNeededError(
            f"The secrets given to that execution are gone. Give them again: {names}.",
            params={"names": names},
        )
    return tuple(merged[name] for name in sorted(merged))


def _plain(variable: Variable) -> Iterable[VariableDraft]:
    if variable.value is not None:
        yield VariableDraft(variable.name, variable.kind, Content.of_text(variable.value))
