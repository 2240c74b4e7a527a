from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from tsubame.data_access.tables.base import id_column, instant, metadata

variables = Table(
    "variables",
    metadata,
    id_column(),
    Column("scope", Text, nullable=False),
    # どこのものか。scope に合う一つだけが入る(全体のものは、どれも空)
    Column("project_id", BigInteger, ForeignKey("projects.id", ondelete="CASCADE")),
    Column("server_id", BigInteger, ForeignKey("servers.id", ondelete="CASCADE"), index=True),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE"), index=True),
    Column("execution_id", BigInteger, ForeignKey("executions.id", ondelete="CASCADE"), index=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # 秘密でない値
    Column("value", Text),
    # 秘密の値。Fernet の暗号文で、表・列・行を中に含む。実行に渡した秘密は、実行が終わると空になる
    Column("sealed", Text),
    # ログで伏せられる(短すぎない)
    Column("maskable", Boolean, nullable=False),
    Column("updated_by_name", Text, nullable=False),
    instant("created_at", now=True),
    instant("updated_at", now=True),
    Column("version", Integer, nullable=False, server_default="1"),
    CheckConstraint("num_nonnulls(project_id, server_id, job_id, execution_id) <= 1", name="owner"),
    Index(
        "uq_variables_owner_name",
        "project_id",
        "server_id",
        "job_id",
        "execution_id",
        "name",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
)

# 走っている対象が使っている秘密。走りのあいだに直されても、引き継いだ者が、渡したとおりの値を伏せられるように
target_secrets = Table(
    "target_secrets",
    metadata,
    Column(
        "target_id",
        BigInteger,
        ForeignKey("targets.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    # Fernet の暗号文。対象が終わると、行ごと消える
    Column("sealed", Text, nullable=False),
)

# 実行が使った秘密の名前と版。値は持たない
execution_secrets = Table(
    "execution_secrets",
    metadata,
    Column(
        "execution_id",
        BigInteger,
        ForeignKey("executions.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    # 消された変数の番号も、履歴に残る
    Column("variable_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("maskable", Boolean, nullable=False),
)
