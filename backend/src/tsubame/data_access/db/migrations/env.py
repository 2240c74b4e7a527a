"""Alembic の入口。接続は data_access/db/migrate.py が開いて渡す。"""

from alembic import context

connection = context.config.attributes["connection"]
# 移行 1 つごとではなく全体を 1 つのトランザクションにする。途中で落ちても半端な形が残らない
context.configure(connection=connection, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
