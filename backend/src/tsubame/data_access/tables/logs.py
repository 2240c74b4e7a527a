from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from tsubame.data_access.tables.base import instant, metadata

log_chunks = Table(
    "log_chunks",
    metadata,
    Column("log_day", Date, primary_key=True),
    Column("target_id", BigInteger, primary_key=True, autoincrement=False),
    Column("byte_start", BigInteger, primary_key=True, autoincrement=False),
    Column("byte_length", Integer, nullable=False),
    # この切れより前にある改行の数。行番号から切れを探すのに使う
    Column("newline_start", BigInteger, nullable=False),
    Column("newline_count", Integer, nullable=False),
    # 最初のバイトが行の頭か。この欄のなかった版が書いた切れでは NULL
    Column("starts_line", Boolean),
    instant("arrived_at", now=True),
    # どこからのバイトがいつ届いたか(logstore/arrivals.py)。この欄のなかった版が書いた切れでは NULL
    Column("arrivals", LargeBinary),
    # zstd の一枠。そのままつなげれば .zst になる
    Column("frame", LargeBinary, nullable=False),
    # 改行のないかたまりは載せない。100 MB の一行も、進み具合を \r で書く一日も、一度で飛び越えられる
    Index(
        "ix_log_chunks_target_id_newline_start",
        "log_day",
        "target_id",
        "newline_start",
        postgresql_where=text("newline_count > 0"),
    ),
    postgresql_partition_by="RANGE (log_day)",
)

# 台本がログに書いた、区切りと注記の印
log_marks = Table(
    "log_marks",
    metadata,
    Column(
        "target_id",
        BigInteger,
        ForeignKey("targets.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    # GitLab の区切りは、一行に続けて書ける
    Column("ordinal", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    # GitLab の区切りの名前
    Column("name", Text),
    Column("at_ms", BigInteger, nullable=False),
    Column("collapsed", Boolean, nullable=False),
    Column("file", Text),
    Column("file_line", Integer),
)

# ログを落とすための券。一度使うか、期限が来れば消える
log_tickets = Table(
    "log_tickets",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("target_id", BigInteger, ForeignKey("targets.id", ondelete="CASCADE"), nullable=False),
    instant("expires_at"),
    Index("ix_log_tickets_expires_at", "expires_at"),
)
