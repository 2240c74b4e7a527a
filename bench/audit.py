"""監査記録の大きさの試し: 百万の記録の一覧の速さと、鎖を確かめる速さ。

`python bench/audit.py [記録の数]`。どの絞り込みも、一頁の中央値が 20 ms を超えないこと(予算)。
鎖は二十分の一だけをつないで確かめ、そのあいだにほかの仕事が待たされた長さも見る。
"""

import asyncio
import statistics
import sys
import time

from database_bench import postgres
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.audit.entities import AuditFilter, Outcome
from tsubame.business.audit.keeper import AuditKeeper
from tsubame.business.audit.verification import Verifier
from tsubame.business.shared.ids import ProjectId
from tsubame.business.shared.paging import PageRequest
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.migrate import migrate
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions

_BUDGET_MS = 20
_TIMES = 15
_STEP = 20_000
_PAGE = PageRequest(limit=50)
# 二十人、二十のプロジェクト、操作は三十。よくあるものどうしなのに、重ならない組がある:
# 人 7 は job.updated を、プロジェクト 3 は server.* をしたことがない
_FILL = text("""
INSERT INTO audit_events (at, actor_id, actor_name, action, subject_type, subject_id, subject_name,
    project_id, address, outcome, details)
SELECT now() - make_interval(secs => 1000000 - n), n % 20 + 1, 'user-' || n % 20 + 1,
    kind || '.' || verb, kind, n % 997, kind || ' ' || n % 997, NULLIF(n % 21, 20), '192.0.2.' || n % 200,
    CASE WHEN n % 50 = 0 THEN 'refused' ELSE 'done' END,
    jsonb_build_object('changes', jsonb_build_object('timeout_s', jsonb_build_object('from', n, 'to', n + 1)))
FROM (
    SELECT n, kind,
        CASE WHEN kind = 'job' AND n % 20 + 1 = 7 AND verb = 'updated' THEN 'deleted' ELSE verb END AS verb
    FROM (
        SELECT n,
            CASE WHEN n % 21 = 3 THEN 'job'
                ELSE (ARRAY['job', 'server', 'execution', 'credential', 'user'])[1 + n / 20 % 5] END AS kind,
            (ARRAY['created', 'updated', 'deleted', 'started', 'tested', 'used'])[1 + n / 100 % 6] AS verb
        FROM generate_series(CAST(:first AS integer), :last) n
    ) drawn
) shaped
""")
FILTERS: dict[str, AuditFilter] = {
    "everything": AuditFilter(),
    "person": AuditFilter(actor_id=7),
    "refused": AuditFilter(outcome=Outcome.REFUSED),
    "person never did the action": AuditFilter(actor_id=7, action="job.updated"),
    "project never had the action": AuditFilter(project_id=ProjectId(3), action="server.updated"),
    "project never had the kind": AuditFilter(project_id=ProjectId(3), subject_type="server"),
    "person, project and action": AuditFilter(actor_id=7, project_id=ProjectId(4), action="job.updated"),
    "person and kind": AuditFilter(actor_id=7, subject_type="user"),
    "person, kind and refused": AuditFilter(actor_id=7, subject_type="user", outcome=Outcome.REFUSED),
    "unknown person": AuditFilter(actor_id=999, action="job.updated"),
    "admin of two projects": AuditFilter(projects=frozenset({ProjectId(3), ProjectId(4)})),
    "admin of two, rare action": AuditFilter(
        action="server.updated", projects=frozenset({ProjectId(3), ProjectId(99)})
    ),
    "words": AuditFilter(words="job 996"),
    "words nobody wrote": AuditFilter(words="nothing like it"),
    "two letters": AuditFilter(words="zq"),
    "person and words": AuditFilter(actor_id=7, words="user-8"),
}


async def lists(transactions: SqlTransactions) -> bool:
    good = True
    for name, where in FILTERS.items():
        took = []
        for _ in range(_TIMES):
            started = time.perf_counter()
            async with transactions.look() as tx:
                await tx.audit_trail.page(where, _PAGE)
            took.append((time.perf_counter() - started) * 1e3)
        median, worst = statistics.median(took), max(took[1:])
        good = good and median <= _BUDGET_MS
        print(f"{name:32} {median:8.1f} ms  worst {worst:8.1f}")
    return good


async def verification(transactions: SqlTransactions) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)

    watching = asyncio.create_task(watch(), name="watch")
    started = time.perf_counter()
    result = await Verifier(transactions).run()
    took = time.perf_counter() - started
    watching.cancel()
    rate = result.head.position / took
    print(
        f"verified {result.head.position} in {took:.1f} s: {rate:.0f}/s,"
        f" others waited at most {longest * 1e3:.0f} ms"
    )


async def fill(engine: AsyncEngine, first: int, last: int) -> None:
    for start in range(first, last + 1, _STEP):
        async with engine.begin() as connection:
            await connection.execute(_FILL, {"first": start, "last": min(last, start + _STEP - 1)})


async def report(url: str, count: int) -> bool:
    engine: AsyncEngine = create_engine(url, application_name="tsubame-bench")
    await migrate(engine)
    transactions = SqlTransactions(engine, create_queue_app(url, "tsubame-bench"))
    await fill(engine, 1, count // 20)
    await AuditKeeper(transactions, SystemClock()).link()
    await verification(transactions)
    await fill(engine, count // 20 + 1, count)
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("VACUUM ANALYZE audit_events"))
    good = await lists(transactions)
    await engine.dispose()
    return good


def main() -> None:
    count = int(sys.argv[1] if len(sys.argv) > 1 else 1_000_000)
    with postgres() as url:
        good = asyncio.run(report(url, count))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
