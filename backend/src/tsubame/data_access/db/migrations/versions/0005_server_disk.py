"""サーバの上の実行のファイルの大きさを、覚えておく表を足す。

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE server_disk (
    server_id BIGINT NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    measured_at TIMESTAMP WITH TIME ZONE,
    used_bytes BIGINT DEFAULT 0 NOT NULL,
    orphan_runs INTEGER DEFAULT 0 NOT NULL,
    free_bytes BIGINT,
    total_bytes BIGINT,
    CONSTRAINT pk_server_disk PRIMARY KEY (server_id),
    CONSTRAINT fk_server_disk_server_id FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
