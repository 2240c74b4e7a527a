"""順番・作戦・やり直し・接続の設定を、表に足す。

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE limits (
    id SMALLINT NOT NULL,
    max_parallel INTEGER,
    CONSTRAINT pk_limits PRIMARY KEY (id)
);
INSERT INTO limits (id) VALUES (1);

ALTER TABLE projects ADD COLUMN max_parallel INTEGER;

ALTER TABLE servers
    ADD COLUMN max_parallel INTEGER,
    ADD COLUMN jump_server_id BIGINT,
    ADD COLUMN sudo_user TEXT,
    ADD COLUMN sudo_credential_id BIGINT,
    ADD COLUMN ssh_options JSONB DEFAULT '{}' NOT NULL,
    ADD CONSTRAINT fk_servers_jump_server_id FOREIGN KEY(jump_server_id) REFERENCES servers (id),
    ADD CONSTRAINT fk_servers_sudo_credential_id FOREIGN KEY(sudo_credential_id) REFERENCES credentials (id);
CREATE INDEX ix_servers_jump_server_id ON servers (jump_server_id);
CREATE INDEX ix_servers_sudo_credential_id ON servers (sudo_credential_id);

ALTER TABLE workers
    ADD COLUMN capacity INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN draining_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN stats JSONB DEFAULT '{}' NOT NULL;

ALTER TABLE jobs
    ADD COLUMN selector TEXT,
    ADD COLUMN priority INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN concurrency_limit INTEGER,
    ADD COLUMN when_full TEXT DEFAULT 'queue' NOT NULL;

ALTER TABLE executions
    ADD COLUMN kind TEXT DEFAULT 'job' NOT NULL,
    ADD COLUMN priority INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    ADD COLUMN max_parallel INTEGER,
    ADD COLUMN entered_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN open_wave INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN paused_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN paused_reason TEXT,
    ADD COLUMN paused_by_name TEXT,
    ADD COLUMN accepted_failures INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN cancel_reason TEXT;
UPDATE executions SET entered_at = created_at, queued_at = created_at;
-- まだ終わっていない実行だけの小さな索引。順番を決める問い合わせはここだけを見る
CREATE INDEX ix_executions_unfinished ON executions (job_id) WHERE finished_at IS NULL;
CREATE INDEX ix_executions_outside ON executions (job_id) WHERE finished_at IS NULL AND entered_at IS NULL;

ALTER TABLE targets
    ADD COLUMN attempt INTEGER DEFAULT 1 NOT NULL,
    ADD COLUMN latest BOOLEAN DEFAULT true NOT NULL,
    ADD COLUMN wave INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN not_before TIMESTAMP WITH TIME ZONE,
    ADD COLUMN admitted_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN output_digest BYTEA,
    DROP CONSTRAINT uq_targets_execution_id_position,
    ADD CONSTRAINT uq_targets_execution_id_position_attempt UNIQUE (execution_id, position, attempt);
UPDATE targets SET admitted_at = queued_at;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
