"""保存の決まり: 何が消え、何が残るか。試しに数えたものと、消えるものは同じ。"""

import asyncio
import random

import pytest
from sqlalchemy import text

from harness.retention import RetentionRoom
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import DEFAULT_PROJECT
from tsubame.business.storage.entities import PolicyPlace

EVERYWHERE = PolicyPlace.everywhere()


async def test_nothing_is_deleted_until_someone_decides(room: RetentionRoom) -> None:
    """はじめの決まりでは、どんなに古くても消えない。"""
    old = await room.old(5000)
    await room.keeper.run_once()
    assert await room.left() == {old.execution_id}


async def test_days_delete_the_whole_execution(room: RetentionRoom) -> None:
    """日数を過ぎた実行は、行も、表のログも、保管先の物も消え、何も残らない。監査には残る。"""
    archived, hot, young = await room.old(40), await room.old(40), await room.old(3)
    await room.logs.archiver.archive(archived.target_id)
    await room.rule(EVERYWHERE, keep_days=30)
    preview = await room.preview(EVERYWHERE, keep_days=30)
    assert (preview.loss.executions, preview.loss.logs, preview.loss.log_bytes) == (2, 2, 10)
    assert preview.loss.table_bytes > 0
    assert preview.loss.archive_bytes > 0
    await room.keeper.run_once()
    assert await room.left() == {young.execution_id}
    assert await room.logs.place.keys() == []
    assert await room.scalar("SELECT count(*) FROM stray_objects") == 0
    assert await room.scalar("SELECT count(*) FROM log_chunks") == 1
    details = await room.scalar("SELECT details FROM audit_events WHERE action = 'execution.expired'")
    assert details["executions"] == preview.loss.executions
    assert details["archive_bytes"] == preview.loss.archive_bytes
    assert hot.execution_id in range(details["first_execution"], details["last_execution"] + 1)


async def test_newest_executions_of_each_job_stay(room: RetentionRoom) -> None:
    """数の約束はジョブごとで、ジョブのない実行は一組と数える。"""
    first, second = await room.job("first"), await room.job("second")
    kept = set()
    for owner in (first, second, None):
        made = [await room.old(100 - n, owner) for n in range(4)]
        kept |= {old.execution_id for old in made[-2:]}
    await room.rule(EVERYWHERE, keep_executions=2)
    preview = await room.preview(EVERYWHERE, keep_executions=2)
    assert [(job.job_id, job.executions) for job in preview.jobs] == [(None, 2), (first, 2), (second, 2)]
    await room.keeper.run_once()
    assert await room.left() == kept


async def test_either_promise_keeps(room: RetentionRoom) -> None:
    """日数と数の両方を約束したら、どちらかが残すと言うものは残る。"""
    job = await room.job("nightly")
    made = [await room.old(days, job) for days in (90, 60, 20, 10)]
    await room.rule(EVERYWHERE, keep_days=30, keep_executions=1)
    await room.keeper.run_once()
    assert await room.left() == {old.execution_id for old in made[2:]}
    await room.rule(EVERYWHERE, keep_days=5, keep_executions=3)
    await room.keeper.run_once()
    assert await room.left() == {old.execution_id for old in made[2:]}


async def test_the_narrowest_policy_wins(room: RetentionRoom) -> None:
    """ジョブの決まりがプロジェクトに、プロジェクトの決まりが全体に勝つ。外せば、広いほうに戻る。"""
    special, ordinary = await room.job("special"), await room.job("ordinary")
    keeps, goes, ad_hoc = await room.old(50, special), await room.old(50, ordinary), await room.old(50)
    await room.rule(EVERYWHERE, keep_days=1000)
    await room.rule(PolicyPlace.project(DEFAULT_PROJECT), keep_days=10)
    await room.rule(PolicyPlace.job(special))
    await room.keeper.run_once()
    assert await room.left() == {keeps.execution_id}
    assert (await room.service.preview(SYSTEM, PolicyPlace.job(special), None)).loss.executions == 1
    await room.service.remove_policy(SYSTEM, PolicyPlace.job(special))
    await room.keeper.run_once()
    assert await room.left() == set()
    assert goes != ad_hoc


async def test_pinned_and_unfinished_stay(room: RetentionRoom) -> None:
    """印を付けたものと、終わっていないものは消えない。印は数の約束にも数えない。"""
    job = await room.job("nightly")
    oldest, pinned, newest = [await room.old(days, job) for days in (300, 200, 100)]
    await room.service.set_pinned(SYSTEM, pinned.execution_id, pinned=True)
    running = await room.logs.target()
    async with room.engine.begin() as connection:
        await connection.execute(text("UPDATE executions SET created_at = now() - interval '1 year'"))
    await room.rule(EVERYWHERE, keep_executions=1)
    await room.keeper.run_once()
    unfinished = await room.scalar("SELECT execution_id FROM targets WHERE id = :id", id=running)
    assert await room.left() == {pinned.execution_id, newest.execution_id, unfinished}
    assert oldest.execution_id not in await room.left()


@pytest.mark.parametrize("seed", range(6))
async def test_preview_counts_what_the_pass_deletes(room: RetentionRoom, seed: int) -> None:
    """どんな決まりの組み合わせでも、試しに数えた数と、消えた数が同じ。"""
    chance = random.Random(seed)
    owners = [await room.job("one"), await room.job("two"), None]
    made = [await room.old(chance.randrange(100), chance.choice(owners)) for _ in range(12)]
    await room.service.set_pinned(SYSTEM, chance.choice(made).execution_id, pinned=True)
    for place in (EVERYWHERE, PolicyPlace.job(owners[0] or await room.job("three"))):
        rule = {
            "keep_days": chance.choice([None, 10, 50]),
            "keep_executions": chance.choice([None, 1, 3]),
        }
        preview = await room.preview(place, **rule)
        await room.rule(place, **rule)
        before = await room.left()
    await room.keeper.run_once()
    assert len(before - await room.left()) == preview.loss.executions


async def test_crash_between_rows_and_objects_leaves_nothing(
    room: RetentionRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """行を消したあと、物を消す前に死んでも、次の回が物を消す。"""
    old = await room.old(40)
    await room.logs.archiver.archive(old.target_id)
    await room.rule(EVERYWHERE, keep_days=30)
    sweep = type(room.logs.archiver).sweep
    calls = iter(range(10))

    async def dying(self: object) -> int:
        if next(calls) == 1:
            raise asyncio.CancelledError
        return await sweep(self)  # type: ignore[arg-type]  # 元の関数に、元の自分を渡すだけ

    with monkeypatch.context() as patch:
        patch.setattr(type(room.logs.archiver), "sweep", dying)
        with pytest.raises(asyncio.CancelledError):
            await room.keeper.run_once()
    assert await room.left() == set()
    assert len(await room.logs.place.keys()) == 2
    await room.keeper.run_once()
    assert await room.logs.place.keys() == []


async def test_empty_month_is_dropped_whole(room: RetentionRoom) -> None:
    """空になった過ぎた月は区画ごと捨て、今月と、まだ使うかもしれない月は残す。"""
    old = await room.old(40)
    async with room.engine.begin() as connection:
        await connection.execute(
            text(
                "CREATE TABLE log_chunks_2025_01 PARTITION OF log_chunks"
                " FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')"
            )
        )
    await room.rule(EVERYWHERE, keep_days=30)
    await room.keeper.run_once()
    assert await room.left() == set()
    months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'log_chunks'::regclass"
    assert await room.scalar(months) == 1
    assert old.target_id > 0


async def test_month_with_an_unfinished_target_stays(room: RetentionRoom) -> None:
    """去年から動き続けている対象がいるなら、その月の区画は空でも残す。"""
    await room.old(40)
    target_id = await room.logs.target()
    async with room.engine.begin() as connection:
        await connection.execute(
            text("UPDATE targets SET log_day = '2025-01-31' WHERE id = :id"), {"id": target_id}
        )
        await connection.execute(
            text(
                "CREATE TABLE log_chunks_2025_01 PARTITION OF log_chunks"
                " FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')"
            )
        )
    await room.rule(EVERYWHERE, keep_days=30)
    await room.keeper.run_once()
    assert await room.scalar("SELECT to_regclass('log_chunks_2025_01') IS NOT NULL")
