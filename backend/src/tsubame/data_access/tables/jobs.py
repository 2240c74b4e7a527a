from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from tsubame.data_access.tables.base import id_column, instant, metadata

jobs = Table(
    "jobs",
    metadata,
    id_column(),
    Column("project_id", BigInteger, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False),
    # ScriptSpec をそのまま JSON にしたもの。実行はこれを写す
    Column("spec", JSONB, nullable=False),
    # 動かすサーバを選ぶ札の式。並べたサーバ(job_servers)に足す
    Column("selector", Text),
    Column("priority", Integer, nullable=False, server_default="0"),
    # 同時に動かしてよい実行の数。NULL は上限なし。一杯のときの決まりは when_full
    Column("concurrency_limit", Integer),
    Column("when_full", Text, nullable=False, server_default="queue"),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    instant("created_at", now=True),
    instant("updated_at", now=True),
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("project_id", "name"),
)

job_servers = Table(
    "job_servers",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("server_id", BigInteger, ForeignKey("servers.id"), primary_key=True, index=True),
    # 利用者が並べた順で見せる
    Column("position", Integer, nullable=False),
)
