from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from tsubame.data_access.tables.base import id_column, instant, metadata

log_archives = Table(
    "log_archives",
    metadata,
    Column("target_id", BigInteger, ForeignKey("targets.id", ondelete="CASCADE"), primary_key=True),
    # 保管先をあとで替えても読めるように、移したときの場所を持つ
    Column("location", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("object_bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    # 二つをつなげると、物の隣に置いた索引(.index.zst)と同じバイト列になる
    Column("frame_index", LargeBinary, nullable=False),
    Column("chunk_rows", LargeBinary, nullable=False),
    instant("archived_at", now=True),
)

# あってはならない物の控え。置く前に書き、要る物になったら消す。どこで死んでも、次の回がここを見て片付ける
stray_objects = Table(
    "stray_objects",
    metadata,
    Column("location", Text, primary_key=True),
    Column("object_key", Text, primary_key=True),
    instant("noted_at", now=True),
)

# どちらの番号もない行が、全体の決まり
retention_policies = Table(
    "retention_policies",
    metadata,
    id_column(),
    Column("project_id", BigInteger, ForeignKey("projects.id", ondelete="CASCADE")),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("archive_after_days", Integer),
    Column("keep_days", Integer),
    Column("keep_executions", Integer),
    instant("updated_at", now=True),
    Column("updated_by_name", Text, nullable=False),
    CheckConstraint("num_nonnulls(project_id, job_id) <= 1", name="one_scope"),
    UniqueConstraint("project_id", "job_id", postgresql_nulls_not_distinct=True),
    Index("ix_retention_policies_job_id", "job_id"),
)

# 一日の終わりの大きさ(その日の最後に測ったもの)
storage_samples = Table(
    "storage_samples",
    metadata,
    Column("day", Date, primary_key=True),
    Column("table_bytes", BigInteger, nullable=False),
    Column("archive_bytes", BigInteger, nullable=False),
)

archive_health = Table(
    "archive_health",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("location", Text),
    instant("last_pass_at", nullable=True),
    Column("last_error", Text),
    Column("last_error_detail", Text, nullable=False, server_default=""),
    instant("last_error_at", nullable=True),
)
