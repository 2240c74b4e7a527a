from sqlalchemy import Column, Integer, Table, Text

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
