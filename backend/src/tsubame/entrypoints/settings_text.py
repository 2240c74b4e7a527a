"""設定の一覧と `.env.example` の文面。どちらも Settings の Field から作る。"""

import textwrap
import unicodedata

from pydantic import SecretStr

from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.settings_sources import FROM_FILE, variable

_WIDTH = 88
_HEADER = """\
# つばめ CI の設定の見本。`make gen` が作る(手で直さない)。
# このファイルを .env という名前で写し、要る行の先頭の # を外して使う。環境変数が .env より優先する。
"""
_COMPOSE = """\
# Docker Compose だけが使う、データベースのパスワード。必ず決める(既定値はない)。
#TSUBAME_DB_PASSWORD=
# Docker Compose がこの機械で開くポート。
#TSUBAME_PUBLISHED_PORT=8000
"""
# 機械によって違う既定値は、見本では言葉にする
_DATA_DIR = "利用者のデータ置き場(root は /var/lib/tsubame)"


def list_settings(settings: Settings) -> str:
    """名前・いまの値・既定値・意味の一覧。秘密は値を出さない。"""
    lines = []
    for name, field in Settings.model_fields.items():
        lines.append(f"{variable(name)} = {_shown(getattr(settings, name))}")
        lines.append(f"    既定: {_default(name)}")
        lines += _wrap(field.description or "", "    ")
        lines.append("")
    return "\n".join(lines)


def env_example() -> str:
    parts = [_HEADER]
    for name, field in Settings.model_fields.items():
        lines = _wrap(field.description or "", "# ")
        if name in FROM_FILE:
            lines.append(f"# 値の入ったファイルを {variable(name)}_FILE で渡してもよい。")
        value = "" if name == "data_dir" else _default(name)
        if name == "data_dir":
            lines.append(f"# 既定: {_DATA_DIR}")
        lines.append(f"#{variable(name)}={value}")
        parts.append("\n".join(lines) + "\n")
    parts.append(_COMPOSE)
    return "\n".join(parts)


def _default(name: str) -> str:
    return _shown(Settings.model_fields[name].get_default(call_default_factory=True))


def _shown(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return ",".join(_shown(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wrap(text: str, indent: str) -> list[str]:
    # 全角は 2 桁。半角の語の途中では折らない
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    if len(text) + wide <= _WIDTH:
        return [indent + text]
    return [
        indent + part
        for sentence in text.split("。")
        if sentence
        for part in textwrap.wrap(sentence + "。", _WIDTH)
    ]
