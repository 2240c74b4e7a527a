from sqlalchemy import Column, Index, Integer, Table, Text

from tsubame.data_access.tables.base import instant, metadata

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("attempts", Integer, nullable=False),
    instant("blocked_until", nullable=True),
    instant("at"),
    Index("ix_sign_in_attempts_at", "at"),
)
