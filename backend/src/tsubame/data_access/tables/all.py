"""すべての表を読み込む。移行と表が同じであることを確かめる試験が使う。"""

from tsubame.data_access.tables import (
    attempts,
    audit,
    credentials,
    executions,
    identity_providers,
    jobs,
    keys,
    logs,
    projects,
    second_factor,
    servers,
    storage,
    tokens,
    users,
    variables,
)
from tsubame.data_access.tables.base import metadata

__all__ = [
    "attempts",
    "audit",
    "credentials",
    "executions",
    "identity_providers",
    "jobs",
    "keys",
    "logs",
    "metadata",
    "projects",
    "second_factor",
    "servers",
    "storage",
    "tokens",
    "users",
    "variables",
]
