"""二段階の確かめ。"""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text

from tsubame.data_access.tables.base import instant, metadata

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    # どちらも Fernet の暗号文。使っている鍵と、確かめ終わるまでの新しい鍵
    Column("sealed", Text),
    Column("pending_sealed", Text),
    instant("enabled_at", nullable=True),
    instant("pending_at", nullable=True),
    # 使った最後の段。これ以前の符号は二度と通らない
    Column("last_step", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),
    instant("blocked_until", nullable=True),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    instant("used_at", nullable=True),
)

sign_in_challenges = Table(
    "sign_in_challenges",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("first_factor", Text, nullable=False),
    instant("expires_at"),
)

# ここにある役割の人には、二段階を求める
second_factor_roles = Table(
    "second_factor_roles",
    metadata,
    Column("role", Text, primary_key=True),
)
