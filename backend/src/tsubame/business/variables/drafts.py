"""受け取った変数の検査。"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tsubame.business.shared.validation import FieldErrors
from tsubame.business.variables.entities import Content, Owner, VariableKind, VariableScope
from tsubame.business.variables.names import MAX_NAME_LENGTH, check_name, check_text

MAX_FILE_BYTES: Final = 64 * 1024
MAX_GIVEN: Final = 200
"""一度の実行に渡せる変数の数。"""


@dataclass(frozen=True, slots=True)
class VariableDraft:
    """受け取ったまま。``content`` が ``None`` なら、今の値のまま。"""

    name: str
    kind: VariableKind
    content: Content | None


def checked_variable(draft: VariableDraft, owner: Owner, *, content_required: bool) -> VariableDraft:
    """Raises: InvalidInputError。"""
    errors = FieldErrors()
    if owner.scope is VariableScope.JOB and draft.kind is VariableKind.PLAIN:
        errors.add(
            "kind",
            "plain_belongs_to_job",
            "The plain variables of a job are its 'env': set them on the job itself.",
        )
    checked = _checked(draft, "", errors)
    if content_required and draft.content is None:
        errors.add("value", "required", "This must not be empty.")
    errors.raise_if_any()
    return checked


def checked_given(drafts: Sequence[VariableDraft]) -> tuple[VariableDraft, ...]:
    """始めるときに渡す変数。名前の順。

    Raises: InvalidInputError。
    """
    errors = FieldErrors()
    if len(drafts) > MAX_GIVEN:
        errors.add("variables", "too_many_variables", f"Give at most {MAX_GIVEN} variables.")
    seen: set[str] = set()
    checked = []
    for index, draft in enumerate(drafts):
        prefix = f"variables.{index}."
        checked.append(_checked(draft, prefix, errors))
        if draft.kind is VariableKind.FILE:
            errors.add(f"{prefix}kind", "file_not_at_start", "Files cannot be given when starting.")
        if draft.name in seen:
            errors.add(f"{prefix}name", "duplicate", "This name is listed twice.")
        seen.add(draft.name)
    errors.raise_if_any()
    return tuple(sorted(checked, key=lambda draft: draft.name))


def _checked(draft: VariableDraft, prefix: str, errors: FieldErrors) -> VariableDraft:
    name = draft.name.strip()
    check_name(f"{prefix}name", name, errors)
    if len(name) > MAX_NAME_LENGTH:
        errors.add(f"{prefix}name", "too_long", f"This must be at most {MAX_NAME_LENGTH} characters long.")
    if draft.content is not None:
        _check_content(f"{prefix}value", name, draft.kind, draft.content, errors)
    return replace(draft, name=name)


def _check_content(field: str, name: str, kind: VariableKind, content: Content, errors: FieldErrors) -> None:
    if kind is VariableKind.FILE:
        if len(content.raw) > MAX_FILE_BYTES:
            errors.add(field, "file_too_large", f"A file must be at most {MAX_FILE_BYTES} bytes.")
    else:
        check_text(field, name, content.raw.decode("utf-8", "surrogatepass"), errors)
    if kind.is_secret and not content.raw:
        errors.add(field, "required", "This must not be empty.")
