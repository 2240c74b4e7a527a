from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tsubame.data_access.tables.base import id_column, instant, metadata

servers = Table(
    "servers",
    metadata,
    id_column(),
    Column("project_id", BigInteger, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("username", Text, nullable=False),
    Column("credential_id", BigInteger, ForeignKey("credentials.id"), nullable=False, index=True),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("run_directory", Text),
    Column("pinned_algorithm", Text),
    Column("pinned_key", Text),
    Column("pinned_fingerprint", Text),
    Column("offered_algorithm", Text),
    Column("offered_key", Text),
    Column("offered_fingerprint", Text),
    # 同時に動かす対象の上限。NULL は上限なし
    Column("max_parallel", Integer),
    # 手前に経由するサーバ。そのサーバもまた経由してよい
    Column("jump_server_id", BigInteger, ForeignKey("servers.id"), index=True),
    # スクリプトを動かす利用者(sudo)。パスワードが要るなら、その認証情報
    Column("sudo_user", Text),
    Column("sudo_credential_id", BigInteger, ForeignKey("credentials.id"), index=True),
    Column("ssh_options", JSONB, nullable=False, server_default="{}"),
    instant("last_test_at", nullable=True),
    Column("last_test_reason", Text),
    instant("created_at", now=True),
    instant("updated_at", now=True),
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("project_id", "name"),
    Index("ix_servers_tags", "tags", postgresql_using="gin"),
)

# サーバの行とは分ける。数が変わるたびに、サーバの版や設定の行を書き換えないため
server_disk = Table(
    "server_disk",
    metadata,
    Column(
        "server_id",
        BigInteger,
        ForeignKey("servers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    # 最後に見に行こうとしたとき。届かなかったときも進む
    instant("tried_at"),
    # 最後に見られたとき。NULL なら、まだ一度も見ていない
    instant("measured_at", nullable=True),
    Column("used_bytes", BigInteger, nullable=False, server_default="0"),
    Column("orphan_runs", Integer, nullable=False, server_default="0"),
    Column("free_bytes", BigInteger),
    Column("total_bytes", BigInteger),
)
