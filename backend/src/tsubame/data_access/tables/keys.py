from sqlalchemy import Column, Table, Text

from tsubame.data_access.tables.base import instant, metadata

# 閉じるのに使ったことのある鍵の指紋。鍵そのものは、データベースのどこにもない
encryption_keys = Table(
    "encryption_keys",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    instant("first_used_at", now=True),
)
