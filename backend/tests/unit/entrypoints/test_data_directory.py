"""データ置き場と暗号鍵。"""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from tsubame.entrypoints.data_directory import encryption_keys, new_encryption_key, prepare_data_directory
from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.settings_sources import SettingsError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data", encryption_keys=())
    prepare_data_directory(settings.data_dir)
    return settings


def test_directory_is_private(settings: Settings) -> None:
    """作った置き場は、ほかの人に中を見せない(root のときだけ、通り抜けは許す)。"""
    mode = stat.S_IMODE(settings.data_dir.stat().st_mode)
    assert mode == (0o711 if os.geteuid() == 0 else 0o700)


def test_impossible_directory_is_explained(tmp_path: Path) -> None:
    """作れない場所なら、設定の名前と理由を言う。"""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"TSUBAME_DATA_DIR .*file/a/b cannot be made: Not a directory"):
        prepare_data_directory(tmp_path / "file" / "a" / "b")


def test_key_is_made_once(settings: Settings) -> None:
    """鍵は一度だけ作られ、自分だけが読め、次の起動でも同じ物が使われる。"""
    (key,) = encryption_keys(settings)
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert stat.S_IMODE((settings.data_dir / "encryption.key").stat().st_mode) == 0o600
    assert encryption_keys(settings) == (key,)
    assert [path.name for path in settings.data_dir.iterdir()] == ["encryption.key"]


def test_simultaneous_starts_agree_on_one_key(settings: Settings) -> None:
    """同時に起動しても、全員が同じ 1 つの鍵を使う。"""
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: encryption_keys(settings), range(64)))
    assert len(found) == 1


def test_environment_wins_over_the_file(settings: Settings) -> None:
    """環境で渡された鍵があれば、ファイルは作らない。"""
    keys = (SecretStr(new_encryption_key()), SecretStr(new_encryption_key()))
    given = settings.model_copy(update={"encryption_keys": keys})
    assert encryption_keys(given) == tuple(key.get_secret_value() for key in keys)
    assert not list(settings.data_dir.iterdir())


def test_readable_key_file_is_refused(settings: Settings) -> None:
    """ほかの人に読める鍵のファイルは使わず、直し方を言う。"""
    encryption_keys(settings)
    (settings.data_dir / "encryption.key").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        encryption_keys(settings)
