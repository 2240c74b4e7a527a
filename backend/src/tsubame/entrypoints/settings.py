"""設定。環境変数 `TSUBAME_*` と、いる場所の `.env` から読む。

1 つの設定 = 1 つの Field。説明はここにだけ書き、`tsubame settings` と `.env.example` はここから作る。
"""

import base64
import binascii
import os
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from tsubame.data_access.db.engine import DatabaseUrlError, driver_url
from tsubame.data_access.outgoing.addresses import Allowed
from tsubame.entrypoints.settings_sources import PREFIX, SecretFileSource, SettingsError, refuse_typos

_KEY_BYTES = 32
# obstore が話せて、書き込める置き場
_ARCHIVE_SCHEMES = ("file", "s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")
# 一行に書く物なので、改行はもちろん、空白も入れさせない
_CONTACT = re.compile(r"(mailto:|https://|tel:)[!-~]+")


def default_data_dir() -> Path:
    """利用者ごとのデータ置き場。root だけは /var/lib/tsubame。

    root のとき postgres は権限を落として動くが、root の家(0700)の下には入れないため。
    """
    if os.geteuid() == 0:
        return Path("/var/lib/tsubame")
    return Path(platformdirs.user_data_dir("tsubame"))


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field(
        default="127.0.0.1",
        description="待ち受ける住所。既定ではこの機械のブラウザだけが開ける。LAN に開くなら 0.0.0.0。",
    )
    port: int = Field(default=8000, ge=1, le=65535, description="待ち受けるポート。")
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="内蔵の PostgreSQL、暗号鍵、保管したログの置き場。",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="内蔵ではなく使う PostgreSQL(15 以上)。postgresql://user:password@host/name の形。",
    )
    database_owner_url: SecretStr | None = Field(
        default=None,
        description="外の PostgreSQL で、表の持ち主を分けるときの接続先。移行はこの役割で行い、"
        "web とワーカーは TSUBAME_DATABASE_URL の役割で働く。"
        "働く役割には、監査記録を変えることも消すこともできなくなる。",
    )
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="認証情報を暗号化する鍵をコンマで並べる。先頭で暗号化し、どれでも復号する。"
        "なければ一度だけ作り、データ置き場の encryption.key に置く。",
    )
    admin_username: str | None = Field(
        default=None, description="最初の管理者の名前。パスワードと両方あれば、初回に画面なしで作る。"
    )
    admin_password: SecretStr | None = Field(default=None, description="最初の管理者のパスワード。")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="記録する細かさ。"
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="記録の形。人が読むなら console、集めるなら 1 行 1 件の json。"
    )
    public_url: str | None = Field(
        default=None,
        description="利用者がブラウザで開く URL。逆プロキシの後ろに置くときに書く。例 https://ci.example.com",
    )
    security_contact: str | None = Field(
        default=None,
        description="弱点を見つけた人の知らせ先。/.well-known/security.txt に出す(RFC 9116)。"
        "mailto:security@example.com や https://… の形。",
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(IPv4Network("127.0.0.1"), IPv6Network("::1")),
        description="X-Forwarded-For と X-Forwarded-Proto を信じる逆プロキシの住所か網を、コンマで並べる。"
        "別の機械や入れ物に置いたら書く(書かなければ、皆がその住所から来たことになる)。例 172.16.0.0/12",
    )
    cookie_secure: Literal["auto", "true", "false"] = Field(
        default="auto",
        description="更新用クッキーに Secure を付けるか。auto は、開く URL が https のときだけ付ける。",
    )
    outgoing_allowed: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="つばめから HTTP で送ってよい内側の相手(OIDC の提供者など)をコンマで並べる。"
        "10.0.0.0/8、192.168.1.5、idp.internal、*.corp.example の形。"
        "書かなければ、この機械・LAN・クラウドの身元の口には送らない。",
    )
    practice: bool = Field(
        default=False, description="練習用のサーバと見本のジョブをはじめから入れる(make demo)。"
    )
    worker_concurrency: int = Field(
        default=500, ge=1, le=10_000, description="1 つのワーカーが同時に面倒を見る対象の数。"
    )
    remote_retention_days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="見失った実行の記録を、人が調べられるようにサーバに残す日数。ふつうに終わったものはすぐ消す。",
    )
    archive_url: str | None = Field(
        default=None,
        description="終わったログを移す先。file:///directory、s3://bucket/path、gs://bucket/path、az://container/path。"
        "鍵は、その置き場の道具と同じ環境変数から読む(.env には書けない)。"
        "AWS_ACCESS_KEY_ID AWS_ENDPOINT_URL GOOGLE_APPLICATION_CREDENTIALS AZURE_STORAGE_ACCOUNT_NAME など。"
        "S3 では、途中で死んだ分割の送信を消す決まりを入れ物に付けておく。"
        "なければ、内蔵の PostgreSQL のときだけデータ置き場の archive に移す。",
    )

    heartbeat_file: Path | None = Field(
        default=None,
        description="ワーカーが生きている印として 5 秒ごとに触るファイル(Docker の健康診断が見る)。",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del file_secret_settings  # 1 つの置き場に固定の名前で並べる方式。こちらは変数ごとに場所を選べる
        return (init_settings, SecretFileSource(settings_cls), env_settings, dotenv_settings)

    @field_validator("log_level", "log_format", "cookie_secure", mode="before")
    @classmethod
    def _ignore_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("encryption_keys", "outgoing_allowed", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(item.strip() for item in value.split(",")) if isinstance(value, str) else value

    @field_validator("outgoing_allowed")
    @classmethod
    def _check_outgoing(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        Allowed.parse(entries)
        return entries

    @field_validator("encryption_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(keys, 1):
            try:
                size = len(base64.urlsafe_b64decode(key.get_secret_value()))
            except (binascii.Error, ValueError):
                size = 0
            if size != _KEY_BYTES:
                raise ValueError(
                    f"key number {number} is not 32 bytes in URL-safe base64; "
                    "make one with: tsubame encryption-key"
                )
        return keys

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _check_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            try:
                driver_url(url.get_secret_value())
            except DatabaseUrlError as exc:
                raise ValueError(str(exc)) from None
        return url

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("it must start with http:// or https://")
        return url.rstrip("/") if url else None

    @field_validator("security_contact")
    @classmethod
    def _check_contact(cls, contact: str | None) -> str | None:
        if contact is not None and not _CONTACT.fullmatch(contact):
            raise ValueError("it must be one URI such as mailto:security@example.com or https://...")
        return contact

    @field_validator("archive_url")
    @classmethod
    def _check_archive_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in _ARCHIVE_SCHEMES or not rest.strip("/"):
            raise ValueError("it must look like file:///directory, s3://bucket/path, gs://... or az://...")
        if scheme == "file" and not rest.startswith("/"):
            raise ValueError("a directory must be absolute, such as file:///var/lib/tsubame/archive")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.admin_username is None) != (self.admin_password is None):
            raise ValueError("TSUBAME_ADMIN_USERNAME and TSUBAME_ADMIN_PASSWORD must be given together")
        return self

    @property
    def base_url(self) -> str:
        """利用者がブラウザで開く URL。末尾に / は付かない。"""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def archive_location(self) -> str | None:
        """終わったログを移す先。``None`` なら移さない。

        外のデータベースでは、web とワーカーが別の機械にいうる。手元のディレクトリを黙って選べば、
        移したログを web が読めなくなる。
        """
        if self.archive_url is None and self.database_url is None:
            return f"file://{self.data_dir / 'archive'}"
        return self.archive_url

    @property
    def secure_cookies(self) -> bool:
        if self.cookie_secure == "auto":
            return self.base_url.startswith("https://")
        return self.cookie_secure == "true"


def load_settings() -> Settings:
    """環境から設定を読む。

    Raises:
        SettingsError: 設定が正しくない。文は、どの変数がなぜいけないかを言う。値は含めない。
    """
    refuse_typos(Settings)
    try:
        return Settings()
    except ValidationError as exc:
        raise SettingsError(_sentence(exc)) from None


def _sentence(error: ValidationError) -> str:
    found = []
    for item in error.errors(include_url=False, include_input=False):
        name = f"{PREFIX}{str(item['loc'][0]).upper()} is wrong: " if item["loc"] else ""
        reason = item["msg"].removeprefix("Value error, ")
        found.append(f"{name}{reason[:1].lower() + reason[1:] if name else reason}.")
    return " ".join(found).replace("..", ".")
