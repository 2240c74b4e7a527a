"""データ置き場を用意し、暗号鍵を一度だけ作る。"""

import base64
import os
import secrets
import stat
from pathlib import Path

from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.settings_sources import SettingsError

KEY_FILE = "encryption.key"


def prepare_data_directory(directory: Path) -> None:
    """データ置き場を自分だけの物として作る。もうあれば権限には触らない。

    Raises:
        SettingsError: 作れない、または書けない。
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        # root のときは、権限を落とした postgres が自分の部分まで通り抜けられるようにする
        directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"TSUBAME_DATA_DIR {directory} cannot be made: {exc.strerror}.") from exc
    if not os.access(directory, os.W_OK | os.X_OK):
        raise SettingsError(f"TSUBAME_DATA_DIR {directory} cannot be written by this user.")


def encryption_keys(settings: Settings) -> tuple[str, ...]:
    """使う鍵。先頭で暗号化し、どれでも復号する。環境になければ、置き場のファイルを使うか作る。

    Raises:
        SettingsError: ファイルがほかの人に読める、または壊れている。
    """
    if settings.encryption_keys:
        return tuple(key.get_secret_value() for key in settings.encryption_keys)
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        _create(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"The key file {path} can be read by others: run chmod 600 on it.")
    text = ",".join(path.read_text(encoding="ascii").split())
    if not text:
        raise SettingsError(f"The key file {path} is empty: restore it from a backup.")
    return tuple(text.split(","))


def encryption_keys_place(settings: Settings) -> str:
    """鍵を読む場所。人に見せる文のため。"""
    return "TSUBAME_ENCRYPTION_KEYS" if settings.encryption_keys else str(settings.data_dir / KEY_FILE)


def new_encryption_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def _create(path: Path) -> None:
    """鍵を書き終えてから名前を付ける。同時に起動しても鍵は 1 つで、半端な鍵は見えない。"""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(new_encryption_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # もう誰かが作っていれば失敗する(上書きしない)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # 鍵を失えば、暗号化した物をすべて失う
    finally:
        os.close(directory)
