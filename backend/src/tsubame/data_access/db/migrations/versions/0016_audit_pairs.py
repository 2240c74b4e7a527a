"""監査記録の、二つの絞り込みの組に索引を足す。

Revision ID: 0016
Revises: 0010
"""

from alembic import op

revision = "0016"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEXES = """
CREATE INDEX ix_audit_events_actor_id_action ON audit_events (actor_id, action, at, id);
CREATE INDEX ix_audit_events_actor_id_subject_type ON audit_events (actor_id, subject_type, at, id);
CREATE INDEX ix_audit_events_project_id_action ON audit_events (project_id, action, at, id);
CREATE INDEX ix_audit_events_project_id_actor_id ON audit_events (project_id, actor_id, at, id);
CREATE INDEX ix_audit_events_project_id_subject_type ON audit_events (project_id, subject_type, at, id);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(INDEXES)
