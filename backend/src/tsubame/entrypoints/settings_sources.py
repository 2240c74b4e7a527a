"""設定の読み方のうち、pydantic-settings にない部分: 秘密のファイルと、綴りの間違い。"""

import difflib
import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

PREFIX = "TSUBAME_"
# Docker の secrets のように、値そのものではなく値の入ったファイルを渡せる設定
FROM_FILE = ("database_url", "database_owner_url", "encryption_keys", "admin_password")
# compose.yml だけが読む変数。同じ .env に書かれるので、見かけても断らない
COMPOSE_ONLY = ("db_password", "published_port")
_TYPO_CUTOFF = 0.75


class SettingsError(Exception):
    """設定が正しくない。文は利用者がそのまま読める英語の 1 文。"""


def variable(field: str) -> str:
    return PREFIX + field.upper()


class SecretFileSource(PydanticBaseSettingsSource):
    """`TSUBAME_X_FILE` の指すファイルの中身を `TSUBAME_X` として読む。"""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        given = _given()
        path = given.get(variable(field_name) + "_FILE") if field_name in FROM_FILE else None
        if not path:
            return None, field_name, False
        if given.get(variable(field_name)):
            raise SettingsError(
                f"{variable(field_name)} and {variable(field_name)}_FILE are both set: keep one."
            )
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
            raise SettingsError(f"{variable(field_name)}_FILE cannot be read: {path}: {reason}.") from None

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None:
                values[name] = value
        return values


def refuse_typos(settings: type[BaseSettings]) -> None:
    """知っている名前によく似た、知らない変数を断る。黙って既定値で動くより早く気づける。

    似ていない物(実行中のスクリプトに渡る TSUBAME_RUN_ID など)は関係ない変数として許す。

    Raises:
        SettingsError: どの変数の綴り間違いらしいか。
    """
    known = {name.upper() for name in (*settings.model_fields, *COMPOSE_ONLY)}
    known |= {f"{name}_FILE".upper() for name in FROM_FILE}
    for variable_name in sorted(_given()):
        name = variable_name.upper().removeprefix(PREFIX)
        close = difflib.get_close_matches(name, sorted(known), 1, _TYPO_CUTOFF)
        if name not in known and close:
            raise SettingsError(f"{variable_name} is not a setting: did you mean {PREFIX}{close[0]}?")


def _given() -> dict[str, str]:
    """環境変数と .env にある `TSUBAME_*`。環境変数が勝つ。"""
    merged = {**dotenv_values(".env"), **os.environ}
    return {name: value for name, value in merged.items() if name.upper().startswith(PREFIX) and value}
