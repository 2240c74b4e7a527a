"""働く役割は、監査記録を書き足すことしかできない。"""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.auditing import AuditRoom
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.roles import Worker, restrict
from tsubame.data_access.logstore.partitions import create_partitions

WORKER = Worker("tsubame_test_worker", "p@ss/word")


@pytest.fixture
async def worker_url(database_url: str) -> str:
    await restrict(database_url, WORKER)
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(netloc=f"{WORKER.name}:p%40ss%2Fword@"))


@pytest.fixture
async def working(worker_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(worker_url, application_name="tsubame-test-worker", pool_size=3)
    yield engine
    await engine.dispose()


@pytest.fixture
def own(working: AsyncEngine, worker_url: str) -> AuditRoom:
    """働く役割から見た、監査の部屋。"""
    return AuditRoom(working, worker_url)


async def test_worker_writes_chains_verifies_and_expires(own: AuditRoom, room: AuditRoom) -> None:
    """働く役割は、残し、つなぎ、確かめ、期間を過ぎた分を決まった道で消せる。"""
    await room.sql(
        "INSERT INTO audit_events (at, actor_name, action, subject_type, subject_name)"
        " VALUES (now() - interval '90 days', 'old', 'job.updated', 'job', 'x')"
    )
    await own.chained(3)
    async with own.transactions.begin() as tx:
        assert await tx.audit_chain.set_keep_days(30) is None
    await own.keeper.patrol()
    await own.keeper.link()
    result = await own.verify()
    assert (result.fault, result.start.position, result.head.position) == (None, 1, 5)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor_name = 'x'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DROP TABLE audit_events CASCADE",
        "INSERT INTO audit_events (actor_name, at) VALUES ('', now())",
        "INSERT INTO audit_events (actor_name, id) VALUES ('', 9)",
        "UPDATE audit_chain SET hash = hash",
        "DELETE FROM audit_chain",
        "TRUNCATE audit_chain",
        "INSERT INTO audit_anchors (position, hash, events) SELECT position, hash, 1 FROM audit_chain",
        "UPDATE audit_anchors SET events = 0",
        "INSERT INTO audit_unchained VALUES (1)",
        "DROP FUNCTION expire_audit_events(integer)",
        "CREATE OR REPLACE FUNCTION guard_audit_event() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
        "UPDATE alembic_version SET version_num = '0001'",
        "SET session_replication_role = replica",
        "DROP SCHEMA public CASCADE",
        "CREATE ROLE helper",
        "ALTER ROLE tsubame PASSWORD 'x'",
        "COPY audit_events TO PROGRAM 'true'",
    ],
)
async def test_worker_cannot_touch_what_is_recorded(own: AuditRoom, statement: str) -> None:
    """変える、消す、空にする、引き金を外す、時刻を偽る、錨を打つ。どれもデータベースが断る。"""
    await own.chained(2)
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner|superuser"):
        await own.sql(statement)
    assert (await own.verify()).head.position == 2


async def test_planted_function_does_not_run_as_the_owner(own: AuditRoom, room: AuditRoom) -> None:
    """組み込みと同じ名前の関数を置いても、持ち主の権限で動く関数はそれを呼ばない(CVE-2018-1058)。"""
    await room.sql(
        "INSERT INTO audit_events (at, actor_name, action, subject_type, subject_name)"
        " VALUES (now() - interval '90 days', 'old', 'job.updated', 'job', 'x')"
    )
    await own.chained(1)
    await own.sql("CREATE TABLE caught (who text)")
    # 引数の型がちょうど合うので、探されれば、組み込みの VARIADIC "any" より先に選ばれる
    await own.sql(
        "CREATE FUNCTION jsonb_build_object(text, bigint, text, bigint, text, text, text, text, text, int)"
        " RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.caught VALUES (current_user); RETURN '{}'; END $$"
    )
    async with own.transactions.begin() as tx:
        await tx.audit_chain.set_keep_days(30)
        assert await tx.audit_chain.expire(10) == 1
    assert await own.sql("SELECT * FROM caught") == []


async def test_worker_owns_its_other_tables(working: AsyncEngine) -> None:
    """ログの区画を作り、捨てられ、配達の列も使える。"""
    await create_partitions(working, [date(2031, 1, 1)])
    async with working.begin() as connection:
        await connection.execute(text("DROP TABLE log_chunks_2031_01"))
        await connection.execute(text("DELETE FROM procrastinate_jobs"))
        foreign = await connection.execute(
            text(
                "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
                " AND c.relkind IN ('r', 'p', 'S') AND pg_get_userbyid(c.relowner) <> current_user ORDER BY 1"
            )
        )
        assert foreign.scalars().all() == [
            "alembic_version",
            "audit_anchors",
            "audit_chain",
            "audit_events",
            "audit_events_id_seq",
            "audit_state",
            "audit_unchained",
        ]


async def test_restricting_twice_at_once_is_harmless(database_url: str, worker_url: str) -> None:
    """何台が同時に用意しても、何度用意しても、同じ姿になる。"""
    await asyncio.gather(*(restrict(database_url, WORKER) for _ in range(3)))
    async with await psycopg.AsyncConnection.connect(worker_url) as connection:
        row = await (await connection.execute("SELECT count(*) FROM audit_events")).fetchone()
    assert row == (0,)
