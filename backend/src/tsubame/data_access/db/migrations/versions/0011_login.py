"""二段階の確かめ。

Revision ID: 0011
Revises: 0015
"""

from alembic import op

revision = "0011"
down_revision = "0015"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE second_factors (
    user_id BIGINT NOT NULL,
    sealed TEXT,
    pending_sealed TEXT,
    enabled_at TIMESTAMP WITH TIME ZONE,
    pending_at TIMESTAMP WITH TIME ZONE,
    last_step BIGINT,
    failures INTEGER DEFAULT '0' NOT NULL,
    blocked_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_second_factors PRIMARY KEY (user_id),
    CONSTRAINT fk_second_factors_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE recovery_codes (
    code_hash BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_recovery_codes PRIMARY KEY (code_hash),
    CONSTRAINT fk_recovery_codes_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_recovery_codes_user_id ON recovery_codes (user_id);

CREATE TABLE sign_in_challenges (
    token_hash BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    step TEXT NOT NULL,
    first_factor TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sign_in_challenges PRIMARY KEY (token_hash),
    CONSTRAINT fk_sign_in_challenges_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_sign_in_challenges_user_id ON sign_in_challenges (user_id);

CREATE TABLE second_factor_roles (
    role TEXT NOT NULL,
    CONSTRAINT pk_second_factor_roles PRIMARY KEY (role)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
