"""プロジェクトの一員と、どこでも効く役割を持たない利用者。

Revision ID: 0008
Revises: 0011
"""

from alembic import op

revision = "0008"
down_revision = "0011"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE users ALTER COLUMN role DROP NOT NULL;

CREATE TABLE project_members (
    user_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT pk_project_members PRIMARY KEY (user_id, project_id),
    CONSTRAINT fk_project_members_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_project_members_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE INDEX ix_project_members_project_id ON project_members (project_id);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
