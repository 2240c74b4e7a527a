from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from tsubame.data_access.tables.base import id_column, instant, metadata

users = Table(
    "users",
    metadata,
    id_column(),
    Column("username", Text, nullable=False),
    # NULL なら、外のログインだけで入る人
    Column("password_hash", Text),
    # どこでも効く役割。NULL なら、project_members にあるプロジェクトだけに入れる
    Column("role", Text),
    instant("created_at", now=True),
    instant("disabled_at", nullable=True),
    Column("must_change_password", Boolean, nullable=False, server_default="false"),
    # 一度きりのパスワードの期限。自分で選んだものなら NULL
    instant("password_expires_at", nullable=True),
    instant("last_seen_at", nullable=True),
    # 画面の好み。NULL は、その端末に合わせる
    Column("language", Text),
    Column("theme", Text),
    Column("time_zone", Text),
)
# 「Admin」と「admin」を別人にしない
Index("uq_users_username", func.lower(users.c.username), unique=True)

invitations = Table(
    "invitations",
    metadata,
    id_column(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    # NULL なら、project_roles のプロジェクトだけに入れる
    Column("role", Text),
    Column("project_roles", JSONB, nullable=False, server_default="{}"),
    Column("note", Text, nullable=False),
    instant("created_at", now=True),
    Column("created_by", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("created_by_name", Text, nullable=False),
    instant("expires_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    instant("created_at", now=True),
    instant("last_used_at"),
    instant("expires_at"),
    instant("ended_at", nullable=True),
    Column("client_address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    # 二段階を外の提供者に任せたログイン
    Column("vouched", Boolean, nullable=False, server_default="false"),
)

refresh_grants = Table(
    "refresh_grants",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    instant("expires_at"),
    instant("used_at", nullable=True),
    instant("created_at", now=True),
)

setup_token = Table(
    "setup_token",
    metadata,
    # 行は一つだけ。鎖すことで、同時に二人が最初の管理者になるのを防ぐ
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("token_hash", LargeBinary, nullable=False),
)
