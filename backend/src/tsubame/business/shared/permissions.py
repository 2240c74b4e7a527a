"""だれが何をしてよいか。表はここに一つだけ置き、HTTP・WebSocket・CLI が同じ表を通る。"""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """弱い順に並べた役割。"""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"


class Permission(StrEnum):
    SERVER_READ = "server:read"
    SERVER_WRITE = "server:write"
    HOST_KEY_APPROVE = "server:approve_host_key"
    SERVER_TEST = "server:test"
    CREDENTIAL_READ = "credential:read"
    CREDENTIAL_WRITE = "credential:write"
    VARIABLE_READ = "variable:read"
    VARIABLE_WRITE = "variable:write"
    VARIABLE_WRITE_GLOBAL = "variable:write_global"
    JOB_READ = "job:read"
    JOB_WRITE = "job:write"
    EXECUTION_READ = "execution:read"
    EXECUTION_START = "execution:start"
    EXECUTION_CANCEL = "execution:cancel"
    EXECUTION_PAUSE = "execution:pause"
    EXECUTION_COMMAND = "execution:command"
    EXECUTION_PIN = "execution:pin"
    QUEUE_WRITE = "queue:write"
    LIMIT_READ = "limit:read"
    LIMIT_WRITE = "limit:write"
    WORKER_READ = "worker:read"
    WORKER_DRAIN = "worker:drain"
    STORAGE_READ = "storage:read"
    STORAGE_WRITE = "storage:write"
    PROJECT_READ = "project:read"
    PROJECT_WRITE = "project:write"
    USER_READ = "user:read"
    USER_WRITE = "user:write"
    AUDIT_READ = "audit:read"
    AUDIT_RETAIN = "audit:retain"


MINIMUM_ROLE: Final[dict[Permission, Role]] = {
    Permission.SERVER_READ: Role.VIEWER,
    Permission.SERVER_WRITE: Role.EDITOR,
    # ホスト鍵の承認は「この相手を信じる」という宣言なので、編集者より上に限る
    Permission.HOST_KEY_APPROVE: Role.ADMIN,
    Permission.SERVER_TEST: Role.OPERATOR,
    Permission.CREDENTIAL_READ: Role.OPERATOR,
    Permission.CREDENTIAL_WRITE: Role.ADMIN,
    # 秘密の値は、どの役割にも見せない
    Permission.VARIABLE_READ: Role.VIEWER,
    Permission.VARIABLE_WRITE: Role.EDITOR,
    # 全体の変数は、どのプロジェクトの走りにも届く
    Permission.VARIABLE_WRITE_GLOBAL: Role.ADMIN,
    Permission.JOB_READ: Role.VIEWER,
    Permission.JOB_WRITE: Role.EDITOR,
    Permission.EXECUTION_READ: Role.VIEWER,
    Permission.EXECUTION_START: Role.OPERATOR,
    Permission.EXECUTION_CANCEL: Role.OPERATOR,
    Permission.EXECUTION_PAUSE: Role.OPERATOR,
    # 運用者が始められるのは、編集者が書いたものだけ。その場で書いた命令は、書ける人に限る
    Permission.EXECUTION_COMMAND: Role.EDITOR,
    Permission.EXECUTION_PIN: Role.OPERATOR,
    Permission.QUEUE_WRITE: Role.OPERATOR,
    # 何を待っているのかは、見えるだれにでも分かるように
    Permission.LIMIT_READ: Role.VIEWER,
    Permission.LIMIT_WRITE: Role.ADMIN,
    Permission.WORKER_READ: Role.VIEWER,
    Permission.WORKER_DRAIN: Role.ADMIN,
    Permission.STORAGE_READ: Role.VIEWER,
    # 決まり一つで、履歴がまとめて消える
    Permission.STORAGE_WRITE: Role.ADMIN,
    Permission.PROJECT_READ: Role.VIEWER,
    # 作ると消すには、どこでも効く役割が要る。名前と一員は、プロジェクトの管理者が決める
    Permission.PROJECT_WRITE: Role.ADMIN,
    Permission.USER_READ: Role.VIEWER,
    Permission.USER_WRITE: Role.ADMIN,
    Permission.AUDIT_READ: Role.ADMIN,
    Permission.AUDIT_RETAIN: Role.ADMIN,
}

WHOLE_INSTALLATION: Final = frozenset(
    {
        Permission.VARIABLE_WRITE_GLOBAL,
        Permission.LIMIT_WRITE,
        Permission.WORKER_READ,
        Permission.WORKER_DRAIN,
        Permission.USER_WRITE,
        Permission.AUDIT_RETAIN,
    }
)
"""どのプロジェクトのものでもない物への権限。どこでも効く役割だけが持ち、プロジェクトの役割では足りない。"""

_RANK: Final = {role: rank for rank, role in enumerate(Role)}


def allows(role: Role | None, permission: Permission) -> bool:
    """その役割が、その権限を持つか。役割がなければ、何の権限もない。"""
    return role is not None and _RANK[role] >= _RANK[MINIMUM_ROLE[permission]]


def stronger(one: Role | None, other: Role | None) -> Role | None:
    """強いほうの役割。"""
    held = [role for role in (one, other) if role is not None]
    return max(held, key=_RANK.__getitem__, default=None)
