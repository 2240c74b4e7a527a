"""外のログイン。"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from tsubame.data_access.tables.base import id_column, instant, metadata

identity_providers = Table(
    "identity_providers",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    # Fernet の暗号文。NULL なら、秘密を持たない公開のクライアント
    Column("client_secret_sealed", Text),
    Column("scopes", Text, nullable=False),
    Column("username_claim", Text, nullable=False),
    Column("group_claim", Text, nullable=False),
    Column("default_role", Text),
    Column("creates_users", Boolean, nullable=False),
    Column("trusts_second_factor", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    instant("created_at", now=True),
    instant("updated_at", now=True),
    Column("version", Integer, nullable=False, server_default="1"),
)
Index("uq_identity_providers_name", func.lower(identity_providers.c.name), unique=True)

identity_provider_rules = Table(
    "identity_provider_rules",
    metadata,
    id_column(),
    Column(
        "provider_id",
        BigInteger,
        ForeignKey("identity_providers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("group_name", Text, nullable=False),
    # NULL なら、どこでも効く役割
    Column("project_id", BigInteger, ForeignKey("projects.id", ondelete="CASCADE"), index=True),
    Column("role", Text, nullable=False),
)

linked_identities = Table(
    "linked_identities",
    metadata,
    id_column(),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # 提供者の番号ではなく名乗りで覚える。設定の住所が書き換わっても、別の提供者の人が同じ人にならない
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("label", Text, nullable=False),
    instant("linked_at", now=True),
    instant("last_used_at", nullable=True),
    UniqueConstraint("issuer", "subject"),
)

provider_flows = Table(
    "provider_flows",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column(
        "provider_id", BigInteger, ForeignKey("identity_providers.id", ondelete="CASCADE"), nullable=False
    ),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE")),
    Column("redirect_uri", Text, nullable=False),
    instant("expires_at"),
)
