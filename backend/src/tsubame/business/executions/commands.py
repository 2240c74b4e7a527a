"""その場の命令の検査。"""

from dataclasses import dataclass, replace
from typing import Final

from tsubame.business.jobs.drafts import checked_selector, checked_spec
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.ids import ProjectId, ServerId
from tsubame.business.shared.validation import FieldErrors

_TITLE: Final = 80


@dataclass(frozen=True, slots=True)
class CommandDraft:
    project_id: ProjectId
    spec: ScriptSpec
    server_ids: tuple[ServerId, ...]
    selector: str | None
    priority: int


def checked_command(draft: CommandDraft) -> CommandDraft:
    """Raises: InvalidInputError。"""
    errors = FieldErrors()
    spec = checked_spec(draft.spec, errors, "command")
    selector = checked_selector(draft.selector, errors)
    if not spec.script.strip():
        errors.add("command", "required", "This must not be empty.")
    if not draft.server_ids and selector is None:
        errors.add("selector", "required", "Choose servers by name or by tags.")
    errors.raise_if_any()
    return replace(draft, spec=spec, selector=selector)


def command_title(command: str) -> str:
    """一覧に出す名前。最初の、空でない行。"""
    first = next(line.strip() for line in command.splitlines() if line.strip())
    return first if len(first) <= _TITLE else f"{first[: _TITLE - 1]}…"
