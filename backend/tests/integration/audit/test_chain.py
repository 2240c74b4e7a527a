"""監査記録の鎖: つなぐ、確かめる、どう壊しても見つかる。"""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from harness.auditing import AuditRoom, event
from tsubame.business.audit.chain import START
from tsubame.business.audit.entities import FaultCode, Head
from tsubame.business.audit.verification import Verifier

INSERTED = (
    "INSERT INTO audit_events (id, actor_name, action, subject_type, subject_name)"
    " VALUES (99, 'mallory', 'job.created', 'job', 'x')"
)
FORGED_ANCHOR = (
    "INSERT INTO audit_anchors (position, hash, events)"
    " SELECT position, hash, 1 FROM audit_chain WHERE position = 1"
)
EDITED, MISSING, GAP = FaultCode.EDITED, FaultCode.MISSING, FaultCode.GAP


async def test_intact_chain_verifies(room: AuditRoom) -> None:
    """つないだ鎖は合い、まだつないでいない数も分かる。"""
    head = await room.chained(5)
    await room.record(2)
    result = await room.verify()
    assert (result.fault, result.head, result.unchained) == (None, head, 2)
    assert head.position == 5
    assert await room.keeper.link() == 2
    assert (await room.verify(head)).unchained == 0


async def test_empty_chain_verifies(room: AuditRoom) -> None:
    """何も残っていなくても、確かめられる。"""
    assert (await room.verify()).head == START


@pytest.mark.parametrize(
    "change",
    [
        "actor_name = 'mallory'",
        "actor_id = 2",
        "at = at - interval '1 microsecond'",
        "address = ''",
        "token_name = 'robot'",
        "action = 'job.created'",
        "subject_type = 'server'",
        "subject_id = 99",
        "subject_name = 'other'",
        "project_id = 1",
        "outcome = 'refused'",
        "details = details || '{\"x\": 1}'",
        "details = '{}'",
    ],
)
async def test_any_edited_field_is_found(room: AuditRoom, change: str) -> None:
    """どの欄を一つ書き換えても、その記録の番号が分かる。"""
    await room.chained(4)
    await room.tamper(f"UPDATE audit_events SET {change} WHERE id = 3")
    assert await room.fault() == (EDITED, 3, 3)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        # 記録の行だけを消す
        (["DELETE FROM audit_events WHERE id = 2"], (MISSING, 2, 2)),
        # 鎖ごと消す
        (
            ["DELETE FROM audit_events WHERE id = 2", "DELETE FROM audit_chain WHERE event_id = 2"],
            (GAP, 2, 3),
        ),
        # 消して、後ろを詰める
        (
            [
                "DELETE FROM audit_events WHERE id = 2",
                "DELETE FROM audit_chain WHERE event_id = 2",
                "UPDATE audit_chain SET position = position - 1 WHERE position > 2",
            ],
            (EDITED, 2, 3),
        ),
        # 二つの順を入れ替える
        (
            [
                "UPDATE audit_chain SET position = -2 WHERE position = 2",
                "UPDATE audit_chain SET position = 2 WHERE position = 3",
                "UPDATE audit_chain SET position = 3 WHERE position = -2",
            ],
            (EDITED, 2, 3),
        ),
        # 二つの中身を入れ替える
        (
            ["UPDATE audit_chain SET event_id = -2 WHERE event_id = 2",
             "UPDATE audit_chain SET event_id = 2 WHERE event_id = 3",
             "UPDATE audit_chain SET event_id = 3 WHERE event_id = -2"],
            (EDITED, 2, 3),
        ),
        # 鎖の途中に差し込む
        (
            [
                INSERTED,
                "UPDATE audit_chain SET position = -position WHERE position > 2",
                "UPDATE audit_chain SET position = 1 - position WHERE position < 0",
                "INSERT INTO audit_chain VALUES (3, 99, sha256('x'))",
            ],
            (EDITED, 3, 99),
        ),
        # 鎖の外に差し込む
        (
            [INSERTED],
            (FaultCode.UNQUEUED, None, 99),
        ),
        # ハッシュを書き換える
        (["UPDATE audit_chain SET hash = sha256('x') WHERE position = 2"], (EDITED, 2, 2)),
        # 先頭を消す
        (
            ["DELETE FROM audit_events WHERE id = 1", "DELETE FROM audit_chain WHERE position = 1"],
            (GAP, 1, 2),
        ),
        # 先頭を消し、消したふりの錨を打つ
        (
            [
                FORGED_ANCHOR,
                "DELETE FROM audit_events WHERE id = 1",
                "DELETE FROM audit_chain WHERE position = 1",
            ],
            (FaultCode.ANCHOR, 1, None),
        ),
    ],
)  # fmt: skip
async def test_every_tampering_is_found(
    room: AuditRoom, statements: list[str], expected: tuple[FaultCode, int | None, int | None]
) -> None:
    """消す、詰める、入れ替える、差し込む。引き金を外せる者がしても、最初の乱れが分かる。"""
    await room.chained(4)
    await room.tamper(*statements)
    assert await room.fault() == expected


async def test_cut_tail_is_found_with_a_kept_head(room: AuditRoom) -> None:
    """末尾を切ると鎖だけでは分からないが、よそに控えたハッシュがあれば分かる。"""
    kept = await room.chained(4)
    await room.tamper("DELETE FROM audit_events WHERE id = 4", "DELETE FROM audit_chain WHERE position = 4")
    assert await room.fault() is None
    assert await room.fault(kept) == (FaultCode.CUT, 4, None)


async def test_rebuilt_chain_is_found_with_a_kept_head(room: AuditRoom) -> None:
    """書き換えたあとで鎖を丸ごと作り直しても、控えたハッシュとは合わない。"""
    kept = await room.chained(4)
    await room.tamper(
        "UPDATE audit_events SET actor_name = 'mallory' WHERE id = 2",
        "DELETE FROM audit_chain",
        "INSERT INTO audit_unchained SELECT id FROM audit_events",
    )
    await room.keeper.link()
    assert await room.fault() is None
    assert await room.fault(kept) == (FaultCode.CUT, 4, 4)


@pytest.mark.parametrize("table", ["audit_events", "audit_chain"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_tables_refuse_changes(room: AuditRoom, table: str, statement: str) -> None:
    """表の持ち主でも、引き金を外さないかぎり、変えも消しも空にもできない。"""
    await room.chained(2)
    column = "id" if table == "audit_events" else "position"
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        await room.sql(statement.format(table, column, column))
    assert (await room.verify()).head.position == 2


async def test_many_writers_and_keepers_make_one_chain(room: AuditRoom) -> None:
    """同時に残し、何人もの番人が同時につないでも、鎖は一本で、欠けも重なりもない。"""

    async def write(count: int) -> None:
        await room.record(count)

    await asyncio.gather(*(write(15) for _ in range(3)), *(room.keeper.link() for _ in range(6)))
    await room.keeper.link()
    result = await room.verify()
    assert (result.fault, result.head.position, result.unchained) == (None, 45, 0)


async def test_late_commit_is_chained_too(room: AuditRoom) -> None:
    """番号を先に取り、後から確定した記録も、取りこぼさずにつなぐ。"""
    async with room.transactions.begin() as early:
        await early.connection.execute(text(INSERTED.replace("99", "0")))
        await room.record(2)
        assert await room.keeper.link() == 2
    assert await room.keeper.link() == 1
    rows = await room.sql("SELECT event_id FROM audit_chain ORDER BY position")
    assert [row.event_id for row in rows] == [1, 2, 0]
    assert await room.fault() is None


async def test_rolled_back_work_leaves_no_event(room: AuditRoom) -> None:
    """操作が取り消されれば、記録も残らず、鎖も欠けない。"""

    async def fail() -> None:
        async with room.transactions.begin() as tx:
            await tx.audit.record(event())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    head = await room.chained(1)
    assert head.position == 1
    assert await room.fault() is None


async def test_waiting_event_that_vanishes_is_seen(room: AuditRoom) -> None:
    """つなぐのを待つ列から外された記録も、見つかる。"""
    await room.chained(1)
    await room.record(1)
    await room.tamper("DELETE FROM audit_unchained")
    assert await room.keeper.link() == 0
    assert await room.fault() == (FaultCode.UNQUEUED, None, 2)


async def aged(room: AuditRoom, *days: int) -> None:
    """その日数だけ前に残した記録を、順に作ってつなぐ。"""
    for number, each in enumerate(days, 1):
        await room.sql(
            "INSERT INTO audit_events (at, actor_name, action, subject_type, subject_name)"
            " VALUES (now() - make_interval(days => :days), 'alice', 'job.updated', 'job', :name)",
            days=each,
            name=str(number),
        )
    await room.keeper.link()


async def expire(room: AuditRoom, keep_days: int | None) -> int:
    async with room.transactions.begin() as tx:
        await tx.audit_chain.set_keep_days(keep_days)
        return await tx.audit_chain.expire(1000)


async def test_retention_leaves_an_anchor(room: AuditRoom) -> None:
    """古い分を消しても、残りは錨から確かめられ、消したことが鎖に残る。"""
    await aged(room, 100, 90, 40, 1)
    assert await expire(room, 60) == 2
    await room.keeper.link()
    result = await room.verify()
    assert (result.fault, result.start.position, result.head.position) == (None, 2, 5)
    ((details,),) = await room.sql("SELECT details FROM audit_events WHERE action = 'audit.expired'")
    assert (details["events"], details["position"], details["keep_days"]) == (2, 2, 60)
    assert details["hash"] == result.start.hash.hex()
    assert await expire(room, 30) == 1
    await room.keeper.link()
    assert (await room.verify()).start.position == 3


async def test_everything_old_may_go(room: AuditRoom) -> None:
    """全部が古くて消えても、鎖は錨の先へ続く。"""
    await aged(room, 100, 99)
    assert await expire(room, 30) == 2
    await room.keeper.link()
    result = await room.verify()
    assert (result.fault, result.start.position, result.head.position) == (None, 2, 3)


async def test_retention_stops_at_a_lost_event(room: AuditRoom) -> None:
    """行が失われているところより先は消さない。失われたことまで、消えてしまわないように。"""
    await aged(room, 100, 99, 98)
    await room.tamper("DELETE FROM audit_events WHERE id = 2")
    assert await expire(room, 30) == 1
    assert await room.fault() == (MISSING, 2, 2)


async def test_keeper_does_not_expire_a_broken_chain(room: AuditRoom) -> None:
    """乱れが見つかっているあいだ、番人は古い分を消さない。"""
    await aged(room, 100, 99, 1)
    await room.tamper("UPDATE audit_events SET actor_name = 'mallory' WHERE id = 3")
    async with room.transactions.begin() as tx:
        await tx.audit_chain.set_keep_days(30)
    await room.keeper.patrol()
    assert (await room.verify()).start.position == 0
    async with room.transactions.look() as tx:
        state = await tx.audit_chain.state()
    assert (state.fault, state.fault_event_id, state.checked_position) == ("edited", 3, 2)


async def test_keeper_expires_and_reports(room: AuditRoom) -> None:
    """番人は、つなぎ、確かめ、期間を過ぎた分を消す。"""
    await aged(room, 100, 1)
    async with room.transactions.begin() as tx:
        await tx.audit_chain.set_keep_days(30)
    await room.keeper.patrol()
    async with room.transactions.look() as tx:
        state = await tx.audit_chain.state()
    assert state.anchor is not None
    assert (state.anchor.position, state.fault, state.checked_position) == (1, None, 2)
    assert state.events == 2


@pytest.mark.parametrize("keep_days", [None, 30])
async def test_anchor_cannot_cover_young_events(room: AuditRoom, keep_days: int | None) -> None:
    """保存期間を過ぎていない記録には、錨を打てない。錨がなければ消せない。"""
    await aged(room, 100, 1)
    async with room.transactions.begin() as tx:
        await tx.audit_chain.set_keep_days(keep_days)
    position = 2 if keep_days else 1
    with pytest.raises(DBAPIError, match="older than the retention"):
        await room.sql(
            "INSERT INTO audit_anchors (position, hash, events)"
            " SELECT position, hash, 1 FROM audit_chain WHERE position = :position",
            position=position,
        )


async def test_retention_cannot_be_shorter_than_a_month(room: AuditRoom) -> None:
    """三十日より短い保存期間は、データベースが断る。"""
    with pytest.raises(DBAPIError, match="ck_audit_state_not_too_short"):
        await room.sql("UPDATE audit_state SET keep_days = 29")


async def test_retention_during_verification_is_no_fault(room: AuditRoom) -> None:
    """確かめている最中に古い分が消えても、乱れとは言わない。"""
    await aged(room, 100, 99, 1)

    class Expiring(Verifier):
        first = True

        async def _anchor(self) -> Head | None:
            found = await super()._anchor()
            if Expiring.first:
                Expiring.first = False
                assert await expire(room, 30) == 2
            return found

    result = await Expiring(room.transactions).run()
    assert (result.fault, result.start.position) == (None, 2)


async def test_unstorable_characters_are_replaced(room: AuditRoom) -> None:
    """NUL や片割れの代理文字を含む名前でも、残せて、確かめられる。"""
    async with room.transactions.begin() as tx:
        await tx.audit.record(event(subject_name="a\0b\ud800", details={"path": "/x\0", "n": [1e300, 2**70]}))
    await room.keeper.link()
    assert await room.fault() is None
    async with room.engine.connect() as connection:
        name = (await connection.execute(text("SELECT subject_name FROM audit_events"))).scalar_one()
    assert name == "a\ufffdb?"
