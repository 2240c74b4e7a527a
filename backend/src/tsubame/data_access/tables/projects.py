from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text

from tsubame.data_access.tables.base import id_column, instant, metadata

projects = Table(
    "projects",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    # 同時に動かす対象の上限。NULL は上限なし
    Column("max_parallel", Integer),
    instant("created_at", now=True),
)

project_members = Table(
    "project_members",
    metadata,
    # どの要求でも、利用者と一緒に読む。利用者から引けるように並べる
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "project_id", BigInteger, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True, index=True
    ),
    Column("role", Text, nullable=False),
)
