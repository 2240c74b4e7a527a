"""データベースの役割: web とワーカーは、監査記録を書き足すことしかできない役割で働く。

表の持ち主(移行を動かす役割)と、働く役割を分ける。働く役割は自分の表の持ち主で、区画を作り、捨てられるが、
監査の表は持ち主のままにして、読むことと書き足すことだけを許す(ADR 0025)。
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from tsubame.data_access.db.engine import libpq_url

# 移行と同じ鎖。移行している最中に、渡し始めないように
_LOCK: Final = 0x74_73_75_62_61_6D_65
_KEPT: Final = (
    "audit_events",
    "audit_chain",
    "audit_unchained",
    "audit_anchors",
    "audit_state",
    "alembic_version",
)
# 時刻と番号は書けない。データベースが付ける
_EVENT_COLUMNS: Final = (
    "actor_id", "actor_name", "action", "subject_type", "subject_id", "subject_name",
    "details", "token_name", "address", "project_id", "outcome",
)  # fmt: skip
_STATE_COLUMNS: Final = ("keep_days", "checked_at", "checked_position", "fault", "fault_event_id")
_OWNED: Final = """
SELECT c.relname, c.relkind FROM pg_class c
-- 列に付いた番号の列(sequence)は、表についていく
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    AND NOT (c.relname = ANY(%(kept)s)) AND c.relowner <> %(role)s::regrole
    AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
            AND d.deptype IN ('i', 'a') AND c.relkind = 'S'
    )
"""


@dataclass(frozen=True, slots=True)
class Worker:
    """働く役割。``password`` が ``None`` なら、もうある役割をそのまま使う。"""

    name: str
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> "Worker":
        """その URL でつなぐ役割。"""
        return cls(unquote(urlsplit(url).username or ""))


async def restrict(owner_url: str, worker: Worker) -> None:
    """働く役割を用意し、監査のほかの表を渡す。何度呼んでもよく、何台が同時に呼んでもよい。"""
    connection = await psycopg.AsyncConnection.connect(
        libpq_url(owner_url), autocommit=True, application_name="tsubame-roles"
    )
    async with connection:
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        async with connection.transaction():
            if worker.password is not None:
                await _ensure(connection, worker.name, worker.password)
            await _hand_over(connection, worker.name)


async def _ensure(connection: psycopg.AsyncConnection, name: str, password: str) -> None:
    role = sql.Identifier(name)
    found = await connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
    if await found.fetchone() is None:
        await connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    # 平文を文に載せない。記録に文が残っても、合言葉は分からない
    scram = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    await connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION PASSWORD {}").format(
            role, sql.Literal(scram.decode())
        )
    )


async def _hand_over(connection: psycopg.AsyncConnection, name: str) -> None:
    role = sql.Identifier(name)
    owned = await connection.execute(_OWNED, {"kept": list(_KEPT), "role": name})
    for relation, kind in await owned.fetchall():
        change = "ALTER SEQUENCE {} OWNER TO {}" if kind == "S" else "ALTER TABLE {} OWNER TO {}"
        await connection.execute(sql.SQL(change).format(sql.Identifier(relation), role))
    for grant in _grants(await _schema(connection), role):
        await connection.execute(grant)


async def _schema(connection: psycopg.AsyncConnection) -> sql.Identifier:
    row = await (await connection.execute("SELECT current_schema()")).fetchone()
    return sql.Identifier(row[0] if row is not None else "public")


def _grants(schema: sql.Identifier, role: sql.Identifier) -> Sequence[sql.Composed]:
    def columns(names: Sequence[str]) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, names))

    return [
        sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(schema, role),
        sql.SQL("REVOKE ALL ON {} FROM {}").format(columns(_KEPT), role),
        sql.SQL("GRANT SELECT ON {} TO {}").format(columns(_KEPT), role),
        sql.SQL("GRANT INSERT ({}) ON audit_events TO {}").format(columns(_EVENT_COLUMNS), role),
        sql.SQL("GRANT INSERT ON audit_chain TO {}").format(role),
        sql.SQL("GRANT DELETE ON audit_unchained TO {}").format(role),
        sql.SQL("GRANT UPDATE ({}) ON audit_state TO {}").format(columns(_STATE_COLUMNS), role),
        sql.SQL("REVOKE ALL ON FUNCTION expire_audit_events(integer) FROM PUBLIC").format(),
        sql.SQL("GRANT EXECUTE ON FUNCTION expire_audit_events(integer) TO {}").format(role),
    ]
