from sqlalchemy import BigInteger, Column, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from tsubame.data_access.tables.base import id_column, instant, metadata

audit_events = Table(
    "audit_events",
    metadata,
    id_column(),
    instant("at", now=True),
    # 利用者が消えても記録は残すので、外部キーにしない
    Column("actor_id", BigInteger),
    Column("actor_name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", BigInteger),
    Column("subject_name", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default="{}"),
    Index("ix_audit_events_subject_type_subject_id", "subject_type", "subject_id"),
)
