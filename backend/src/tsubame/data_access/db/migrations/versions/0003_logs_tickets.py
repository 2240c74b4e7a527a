"""ログを落とす券の表を足し、行を探す索引から改行のないかたまりを外す。

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE log_tickets (
    token_hash BYTEA NOT NULL,
    target_id BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_log_tickets PRIMARY KEY (token_hash),
    CONSTRAINT fk_log_tickets_target_id FOREIGN KEY(target_id) REFERENCES targets (id) ON DELETE CASCADE
);
CREATE INDEX ix_log_tickets_expires_at ON log_tickets (expires_at);

DROP INDEX ix_log_chunks_target_id_newline_start;
CREATE INDEX ix_log_chunks_target_id_newline_start ON log_chunks (log_day, target_id, newline_start)
    WHERE newline_count > 0;

-- ログを書くたびに置き換わる行なので、同じ頁の中で済むよう空きを残す(索引も触らずに済む)
ALTER TABLE targets SET (fillfactor = 70);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
