"""ログの届いた時刻・印・大きさの上限を、表に足す。

Revision ID: 0006
Revises: 0004
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE targets
    ADD COLUMN log_line_head BYTEA DEFAULT '' NOT NULL,
    ADD COLUMN log_marks INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN log_gap_start BIGINT,
    ADD COLUMN log_gap_end BIGINT,
    ADD COLUMN log_gap_first_line BIGINT,
    ADD COLUMN log_gap_next_line BIGINT;

ALTER TABLE log_chunks
    ADD COLUMN starts_line BOOLEAN,
    ADD COLUMN arrivals BYTEA;

CREATE TABLE log_marks (
    target_id BIGINT NOT NULL,
    line BIGINT NOT NULL,
    ordinal SMALLINT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    name TEXT,
    at_ms BIGINT NOT NULL,
    collapsed BOOLEAN NOT NULL,
    file TEXT,
    file_line INTEGER,
    CONSTRAINT pk_log_marks PRIMARY KEY (target_id, line, ordinal),
    CONSTRAINT fk_log_marks_target_id FOREIGN KEY(target_id) REFERENCES targets (id) ON DELETE CASCADE
);

-- これまでの実行の写しには上限がなかった。ジョブには、これから始まる分のための既定を入れる
UPDATE jobs SET spec = spec || '{"max_log_bytes": 1073741824}' WHERE NOT jsonb_exists(spec, 'max_log_bytes');
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
