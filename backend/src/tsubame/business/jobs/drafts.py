"""受け取ったジョブの検査。"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.jobs.policies import Strategy
from tsubame.business.jobs.ports import JobDraft
from tsubame.business.jobs.script import is_interpreter, script_bytes
from tsubame.business.jobs.shares import at_least, is_share
from tsubame.business.servers.selection import SelectorSyntaxError, parse_selector
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.validation import (
    FieldErrors,
    checked_line,
    checked_text,
    has_control_character,
)
from tsubame.business.variables.names import check_name, check_text, entry_bytes

MAX_SCRIPT_BYTES: Final = 1024 * 1024
MAX_ENV_BYTES: Final = 1024 * 1024
MAX_TIMEOUT_S: Final = 365 * 24 * 3600
# これより短いと、ワーカーの入れ替えや一時の混雑で、元気な走りまで止まってしまう
MIN_SILENCE_S: Final = 60
MIN_LOG_BYTES: Final = 1024**2
MAX_LOG_BYTES: Final = 1024**4


def checked_job(draft: JobDraft) -> JobDraft:
    """検査し、名前の前後の空白や空の欄を直した姿を返す。空のスクリプトは、しまってよい。

    Raises: InvalidInputError。
    """
    errors = FieldErrors()
    checked = replace(
        draft,
        name=checked_line("name", draft.name, errors),
        description=checked_text("description", draft.description, errors),
        spec=checked_spec(draft.spec, errors),
        selector=checked_selector(draft.selector, errors),
    )
    _check_servers(draft.server_ids, errors)
    errors.raise_if_any()
    return checked


def checked_spec(spec: ScriptSpec, errors: FieldErrors, script_field: str = "script") -> ScriptSpec:
    script = checked_text(script_field, spec.script, errors)
    if any("\ud800" <= character <= "\udfff" for character in script):
        # 相方のないサロゲートは、どの文字も表さず、UTF-8 にできない
        errors.add(
            script_field, "lone_surrogate", "The script contains half of a character (a lone surrogate)."
        )
    elif len(script_bytes(spec)) > MAX_SCRIPT_BYTES:
        errors.add(script_field, "script_too_large", f"The script must be at most {MAX_SCRIPT_BYTES} bytes.")
    _check_env(spec.env, errors)
    _check_strategy(spec.strategy, errors)
    if spec.timeout_s is not None and not 1 <= spec.timeout_s <= MAX_TIMEOUT_S:
        errors.add("timeout_s", "out_of_range", f"The time limit must be from 1 to {MAX_TIMEOUT_S} seconds.")
    silence_s = spec.stop_without_contact_s
    if silence_s is not None and not MIN_SILENCE_S <= silence_s <= MAX_TIMEOUT_S:
        errors.add(
            "stop_without_contact_s",
            "out_of_range",
            f"The time without contact must be from {MIN_SILENCE_S} to {MAX_TIMEOUT_S} seconds.",
        )
    if spec.max_log_bytes is not None and not MIN_LOG_BYTES <= spec.max_log_bytes <= MAX_LOG_BYTES:
        errors.add(
            "max_log_bytes",
            "out_of_range",
            f"The size limit of the log must be from {MIN_LOG_BYTES} to {MAX_LOG_BYTES} bytes.",
        )
    return replace(
        spec,
        interpreter=_interpreter(spec.interpreter, errors),
        env=tuple(sorted(spec.env)),
        working_directory=_working_directory(spec.working_directory, errors),
    )


def checked_selector(value: str | None, errors: FieldErrors) -> str | None:
    """空欄は、式がないのと同じ。"""
    selector = (value or "").strip()
    if not selector:
        return None
    try:
        parse_selector(selector)
    except SelectorSyntaxError as problem:
        errors.extend(problem)
    return selector


def _check_strategy(strategy: Strategy, errors: FieldErrors) -> None:
    for index, size in enumerate(strategy.waves):
        if not is_share(size) or at_least(size, 100) == 0:
            errors.add(
                f"strategy.waves.{index}",
                "wave_invalid",
                "Write a number of servers such as 3, or a part such as 10%.",
            )
    if strategy.max_failures is not None and not is_share(strategy.max_failures):
        errors.add(
            "strategy.max_failures",
            "max_failures_invalid",
            "Write a number such as 0 or 3, or a part such as 20%.",
        )


def _interpreter(value: str | None, errors: FieldErrors) -> str | None:
    interpreter = (value or "").strip()
    if not interpreter:
        return None
    if not is_interpreter(interpreter):
        errors.add(
            "interpreter",
            "interpreter_invalid",
            "Write the program and its arguments separated by spaces, without quotes, such as 'python3 -u'.",
        )
    return interpreter


def _working_directory(value: str | None, errors: FieldErrors) -> str | None:
    directory = (value or "").strip()
    if not directory:
        return None
    if has_control_character(directory):
        errors.add("working_directory", "control_character", "This must not contain control characters.")
    elif not directory.startswith(("/", "~")):
        errors.add(
            "working_directory",
            "working_directory_relative",
            "This must be an absolute path, or start with ~ (the home directory).",
        )
    return directory


def _check_env(env: Sequence[tuple[str, str]], errors: FieldErrors) -> None:
    for name, value in env:
        field = f"env.{name}"
        check_name(field, name, errors)
        check_text(field, name, value, errors)
    if sum(entry_bytes(name, value) for name, value in env) > MAX_ENV_BYTES:
        errors.add("env", "env_too_large", f"All variables together must be at most {MAX_ENV_BYTES} bytes.")


def _check_servers(server_ids: Sequence[ServerId], errors: FieldErrors) -> None:
    seen: set[ServerId] = set()
    for index, server_id in enumerate(server_ids):
        if server_id in seen:
            errors.add(f"server_ids.{index}", "duplicate", "This server is listed twice.")
        seen.add(server_id)
