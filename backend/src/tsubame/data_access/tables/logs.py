from sqlalchemy import BigInteger, Column, Date, Index, Integer, LargeBinary, Table

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
    instant("arrived_at", now=True),
    # zstd の一枠。そのままつなげれば .zst になる
    Column("frame", LargeBinary, nullable=False),
    Index("ix_log_chunks_target_id_newline_start", "log_day", "target_id", "newline_start"),
    postgresql_partition_by="RANGE (log_day)",
)
