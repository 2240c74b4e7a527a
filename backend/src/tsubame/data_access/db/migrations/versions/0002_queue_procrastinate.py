"""配達の列(procrastinate)の表を作る。

Revision ID: 0002
Revises: 0001
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQL は procrastinate の物をそのまま使う。写すと、版を上げたとき黙ってずれる
    connection = op.get_bind().execution_options(no_parameters=True)
    connection.exec_driver_sql(SchemaManager.get_schema())
