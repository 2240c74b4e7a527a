"""使っている暗号の鍵の指紋を控える。失くした鍵に、起動のときに気づくため。

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE encryption_keys (
    fingerprint TEXT NOT NULL,
    first_used_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_encryption_keys PRIMARY KEY (fingerprint)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
