from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text, func

from tsubame.data_access.tables.base import id_column, instant, metadata

users = Table(
    "users",
    metadata,
    id_column(),
    Column("username", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    # どこでも効く役割。NULL なら、project_members にあるプロジェクトだけに入れる
    Column("role", Text),
    instant("created_at", now=True),
    instant("disabled_at", nullable=True),
)
# 「Admin」と「admin」を別人にしない
Index("uq_users_username", func.lower(users.c.username), unique=True)

refresh_grants = Table(
    "refresh_grants",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family", Text, nullable=False, index=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    instant("expires_at"),
    instant("used_at", nullable=True),
    instant("revoked_at", nullable=True),
    instant("created_at", now=True),
    Column("client_address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
)

setup_token = Table(
    "setup_token",
    metadata,
    # 行は一つだけ。鎖すことで、同時に二人が最初の管理者になるのを防ぐ
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("token_hash", LargeBinary, nullable=False),
)
