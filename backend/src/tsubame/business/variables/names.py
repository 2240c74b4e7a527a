"""環境変数の名前と大きさの決まり。ジョブの環境変数も、変数も、始めるときに渡す値も、ここを通る。"""

import re
from typing import Final

from tsubame.business.shared.validation import FieldErrors

RESERVED_PREFIX: Final = "TSUBAME_"
# Linux の MAX_ARG_STRLEN は「名前=値」と終わりの NUL で 128 KiB。超えると execve が E2BIG で断る
MAX_ENTRY_BYTES: Final = 128 * 1024 - 1
MAX_NAME_LENGTH: Final = 255
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_name(field: str, name: str, errors: FieldErrors) -> None:
    if not _NAME.fullmatch(name):
        errors.add(
            field,
            "env_name_invalid",
            "A variable name has letters, digits and _ only, and does not start with a digit.",
        )
    elif name.startswith(RESERVED_PREFIX):
        errors.add(
            field, "env_name_reserved", f"Names that start with {RESERVED_PREFIX} belong to tsubame-ci."
        )


def check_text(field: str, name: str, value: str, errors: FieldErrors) -> None:
    """環境変数で渡せる値か。"""
    if "\0" in value:
        errors.add(field, "nul_character", "This must not contain NUL characters.")
    elif any("\ud800" <= character <= "\udfff" for character in value):
        # 相方のないサロゲートは、どの文字も表さず、UTF-8 にできない
        errors.add(field, "lone_surrogate", "This contains half of a character (a lone surrogate).")
    elif entry_bytes(name, value) > MAX_ENTRY_BYTES:
        errors.add(field, "env_value_too_large", "The name and the value must be below 128 KiB together.")


def entry_bytes(name: str, value: str) -> int:
    """「名前=値」の長さ。"""
    return len(name) + 1 + len(value.encode("utf-8", "surrogatepass"))
