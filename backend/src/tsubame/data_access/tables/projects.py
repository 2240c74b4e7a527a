from sqlalchemy import Column, Table, Text

from tsubame.data_access.tables.base import id_column, instant, metadata

projects = Table(
    "projects",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    instant("created_at", now=True),
)
