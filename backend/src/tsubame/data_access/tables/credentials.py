from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from tsubame.data_access.tables.base import id_column, instant, metadata

credentials = Table(
    "credentials",
    metadata,
    id_column(),
    Column("project_id", BigInteger, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("public_key_algorithm", Text),
    Column("public_key_line", Text),
    Column("public_key_fingerprint", Text),
    Column("has_passphrase", Boolean, nullable=False),
    # Fernet の暗号文。表・列・行を中に含み、よその行へ写しても開かない
    Column("sealed", Text, nullable=False),
    instant("created_at", now=True),
    instant("updated_at", now=True),
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("project_id", "name"),
)
