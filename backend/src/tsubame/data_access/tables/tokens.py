from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY

from tsubame.data_access.tables.base import id_column, instant, metadata

api_tokens = Table(
    "api_tokens",
    metadata,
    id_column(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE")),
    Column("project_id", BigInteger, ForeignKey("projects.id", ondelete="CASCADE")),
    Column("role", Text),
    Column("scopes", ARRAY(Text), nullable=False),
    instant("created_at", now=True),
    Column("created_by_name", Text, nullable=False),
    instant("expires_at", nullable=True),
    instant("last_used_at", nullable=True),
    Column("last_address", Text),
    # 人のものか、プロジェクトのもの(役割つき)か、どちらか一つ
    CheckConstraint("num_nonnulls(user_id, project_id) = 1", name="one_owner"),
    CheckConstraint("(project_id IS NULL) = (role IS NULL)", name="role_in_project"),
    UniqueConstraint("user_id", "project_id", "name", postgresql_nulls_not_distinct=True),
)
Index("ix_api_tokens_project_id", api_tokens.c.project_id)

api_token_addresses = Table(
    "api_token_addresses",
    metadata,
    Column("token_id", BigInteger, ForeignKey("api_tokens.id", ondelete="CASCADE"), primary_key=True),
    Column("address", Text, primary_key=True),
    instant("first_used_at"),
)
