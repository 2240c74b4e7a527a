"""設定の読み方と断り方。"""

import base64
import os
from pathlib import Path

import pytest

from tsubame.entrypoints.settings import Settings, load_settings
from tsubame.entrypoints.settings_sources import SettingsError
from tsubame.entrypoints.settings_text import env_example, list_settings

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
OTHER_KEY = base64.urlsafe_b64encode(b"o" * 32).decode()


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.upper().startswith("TSUBAME_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)  # 開発者の .env を読まない


def test_defaults() -> None:
    """何も設定しなければ、この機械だけに開き、内蔵のデータベースを使う。"""
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url is None
    assert settings.base_url == "http://localhost:8000"
    assert not settings.secure_cookies
    assert settings.data_dir.is_absolute()


def test_values_from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """環境変数が値になり、鍵はコンマで分かれ、公開の URL が https ならクッキーに Secure が付く。"""
    for name, value in {
        "PORT": "9000", "ENCRYPTION_KEYS": f"{KEY}, {OTHER_KEY}", "PUBLIC_URL": "https://ci.example.com/",
        "LOG_FORMAT": "JSON", "DATABASE_URL": "postgres://u:p@db/x", "ADMIN_USERNAME": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"TSUBAME_{name}", value)
    settings = load_settings()
    assert settings.port == 9000
    assert [key.get_secret_value() for key in settings.encryption_keys] == [KEY, OTHER_KEY]
    assert (settings.base_url, settings.secure_cookies) == ("https://ci.example.com", True)
    assert settings.log_format == "json"
    assert settings.admin_username is None


def test_dotenv_is_read_and_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """.env も読むが、環境変数が勝つ。Compose だけの変数があっても構わない。"""
    Path(".env").write_text("TSUBAME_PORT=9001\nTSUBAME_HOST=0.0.0.0\nTSUBAME_DB_PASSWORD=x\n")
    monkeypatch.setenv("TSUBAME_PORT", "9002")
    settings = load_settings()
    assert (settings.host, settings.port) == ("0.0.0.0", 9002)


def test_secret_from_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """秘密はファイルで渡せて、末尾の改行は値に入らない。"""
    (tmp_path / "password").write_text("hunter22\n")
    monkeypatch.setenv("TSUBAME_ADMIN_USERNAME", "root")
    monkeypatch.setenv("TSUBAME_ADMIN_PASSWORD_FILE", str(tmp_path / "password"))
    password = load_settings().admin_password
    assert password is not None
    assert password.get_secret_value() == "hunter22"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PORT": "http"}, "TSUBAME_PORT is wrong: input should be a valid integer"),
        ({"PORT": "70000"}, "TSUBAME_PORT is wrong: input should be less than or equal to 65535."),
        ({"LOG_LEVEL": "loud"}, "TSUBAME_LOG_LEVEL is wrong: input should be 'debug', 'info'"),
        ({"ENCRYPTION_KEYS": "secret"}, "TSUBAME_ENCRYPTION_KEYS is wrong: key number 1 is not 32 bytes"),
        ({"ENCRYPTION_KEYS": f"{KEY},secret"}, "key number 2 is not 32 bytes"),
        ({"DATABASE_URL": "mysql://u:secret@h/x"}, "TSUBAME_DATABASE_URL is wrong: the database must be"),
        ({"PUBLIC_URL": "ci.example.com"}, "TSUBAME_PUBLIC_URL is wrong: it must start with http"),
        ({"ADMIN_PASSWORD": "secret"}, "TSUBAME_ADMIN_PASSWORD must be given together"),
        ({"PROT": "9000"}, "TSUBAME_PROT is not a setting: did you mean TSUBAME_PORT?"),
        (
            {"ADMIN_PASSWORD_FILE": "/nowhere/x"},
            "TSUBAME_ADMIN_PASSWORD_FILE cannot be read: /nowhere/x: No such",
        ),
        ({"ADMIN_PASSWORD": "secret", "ADMIN_PASSWORD_FILE": "/x"}, "are both set: keep one."),
    ],
)
def test_wrong_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    """正しくない設定は、どの変数がなぜいけないかを 1 文で言い、秘密の値は言わない。"""
    for name, value in variables.items():
        monkeypatch.setenv(f"TSUBAME_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unrelated_variable_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """実行中のスクリプトに渡す変数があっても起動できる(つばめの中でつばめを試せる)。"""
    monkeypatch.setenv("TSUBAME_RUN_ID", "abc")
    assert load_settings().port == 8000


def test_list_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """設定の一覧は全部の名前と意味を出し、秘密の値は出さない。"""
    monkeypatch.setenv("TSUBAME_DATABASE_URL", "postgresql://u:secret@db/x")
    monkeypatch.setenv("TSUBAME_ENCRYPTION_KEYS", KEY)
    shown = list_settings(load_settings())
    for name, field in Settings.model_fields.items():
        assert f"TSUBAME_{name.upper()} = " in shown
        assert field.description
    assert "TSUBAME_DATABASE_URL = ********" in shown
    assert "secret" not in shown
    assert KEY not in shown


def test_example_is_up_to_date() -> None:
    """置いてある .env.example は、設定の説明から作った物と同じ(違えば make gen)。"""
    committed = Path(__file__).parents[4] / ".env.example"
    assert committed.read_text(encoding="utf-8") == env_example()


def test_example_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """見本の # を全部外して使っても、既定のまま起動できる。"""
    lines = [line[1:] for line in env_example().splitlines() if line.startswith("#TSUBAME_")]
    Path(".env").write_text("\n".join(lines))
    assert load_settings() == Settings()
    monkeypatch.chdir("/")
    assert len(lines) >= len(Settings.model_fields)


def test_archive_is_beside_the_embedded_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """内蔵のデータベースならデータ置き場に移し、外のデータベースなら、言われるまで移さない。"""
    monkeypatch.setenv("TSUBAME_DATA_DIR", str(tmp_path))
    assert load_settings().archive_location == f"file://{tmp_path}/archive"
    monkeypatch.setenv("TSUBAME_DATABASE_URL", "postgresql://u:p@db/x")
    assert load_settings().archive_location is None
    monkeypatch.setenv("TSUBAME_ARCHIVE_URL", "s3://logs/tsubame/")
    assert load_settings().archive_location == "s3://logs/tsubame"


@pytest.mark.parametrize("url", ["/var/lib/archive", "file://archive", "http://x/y", "s3://", "memory:///"])
def test_archive_url_must_be_a_place_to_write(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """書き込めない形の住所は、起動の前に断る。"""
    monkeypatch.setenv("TSUBAME_ARCHIVE_URL", url)
    with pytest.raises(SettingsError, match="TSUBAME_ARCHIVE_URL is wrong"):
        load_settings()
