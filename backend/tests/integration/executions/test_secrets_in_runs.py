"""秘密を渡した走り: 値はスクリプトの環境にだけあり、保存したログにも、記録にも、列にも残らない。"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.sshd import Sshd
from harness.waiting import eventually
from harness.worker import Bench, worker
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.states import TargetState
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import TargetId
from tsubame.business.variables.drafts import VariableDraft
from tsubame.business.variables.entities import EVERYWHERE, Content, Variable, VariableKind
from tsubame.business.variables.service import VariableService
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.variables import execution_secrets, target_secrets
from tsubame.data_access.transactions import SqlTransactions
from tsubame.entrypoints.data_directory import new_encryption_key

VALUE = "p@ss 'w\"rd\\ é/+=?"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQC7\n-----END KEY-----\n"
NOISY = r"""
set -x
printf '%s\n' "$TOKEN"
printf '%s' "$TOKEN" | base64
printf 'user:%s' "$TOKEN" | base64
printf 'us:%s!' "$TOKEN" | base64 -w0; echo
set +x
i=0
while [ $i -lt ${#TOKEN} ]; do i=$((i + 1)); printf %s "$(printf %s "$TOKEN" | cut -c$i)"; done
echo
cat "$KEY"
base64 "$KEY"
tail -n 2 "$KEY" | head -n 1
"""


@pytest.fixture
async def bench(
    database_url: str, engine: AsyncEngine, transactions: SqlTransactions, sshd: Sshd
) -> AsyncIterator[Bench]:
    async with worker(database_url, engine, transactions, sshd) as running:
        yield running


async def give(
    bench: Bench, name: str, value: str | bytes, kind: VariableKind = VariableKind.SECRET
) -> Variable:
    raw = value if isinstance(value, bytes) else value.encode()
    service = VariableService(bench.transactions, bench.vault)
    return await service.create(SYSTEM, EVERYWHERE, VariableDraft(name, kind, Content(raw)))


async def run(bench: Bench, script: str) -> TargetId:
    target_id = await bench.place(script)
    await bench.runner.deliver(target_id)
    return target_id


async def test_no_form_of_a_secret_is_stored(bench: Bench) -> None:
    """そのまま・少しずつ・base64・JSON・URL・set -x・ファイルの中身のどれで出しても、ログに残らない。"""
    await give(bench, "TOKEN", VALUE)
    await give(bench, "KEY", PEM, VariableKind.FILE)
    shown = [json.dumps(VALUE), json.dumps(VALUE, ensure_ascii=False), quote(VALUE), quote(VALUE, safe="")]
    echoes = "\n".join(f"cat <<'EOF'\n{form}\nEOF" for form in shown)
    target_id = await run(bench, NOISY + echoes + "\necho done; exit 3\n")
    log, target = await bench.log(target_id), await bench.target(target_id)
    assert target.exit_code == 3
    assert log.endswith(b"done\n")
    leaks = [VALUE, 'w"rd', "MIIEvQ", "EFAASC", base64.b64encode(VALUE.encode()).decode()[4:-4]]
    assert [leak for leak in leaks if leak.encode() in log] == []
    assert target.log_masked == log.count(b"********") >= 10


async def test_value_is_only_in_the_environment_of_the_script(bench: Bench) -> None:
    """値はスクリプトの環境変数にあり、サーバのどのプロセスの命令の列にもない。"""
    await give(bench, "TOKEN", "hunter2-hunter2")
    count = """awk 'index($0, ENVIRON["TOKEN"]) { n++ } END { print n + 0 }'"""
    target_id = await run(
        bench,
        f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | {count}\n"
        f"tr '\\0' '\\n' </proc/$$/environ | {count}\n",
    )
    assert await bench.log(target_id) == b"0\n1\n"


async def test_own_variables_are_set(bench: Bench) -> None:
    """つばめの変数が渡る。"""
    target_id = await run(
        bench, 'echo "$TSUBAME_EXECUTION_ID $TSUBAME_SERVER_NAME"; env | grep -c ^TSUBAME_\n'
    )
    execution_id = (await bench.target(target_id)).execution_id
    first, count = (await bench.log(target_id)).decode().splitlines()
    assert first.split(" ", 1)[0] == str(execution_id)
    assert len(first.split(" ", 1)[1]) > 0
    assert count == "3"


async def test_use_is_recorded_by_name_and_the_copy_is_dropped(bench: Bench) -> None:
    """使った秘密は名前と版で実行と監査に残り、控えは終わると消える。値はデータベースのどこにもない。"""
    token = await give(bench, "TOKEN", "hunter2-hunter2")
    short = await give(bench, "PIN", "123")
    await give(bench, "MODE", "fast", VariableKind.PLAIN)
    target_id = await run(bench, 'echo "$TOKEN $MODE"\n')
    assert await bench.log(target_id) == b"******** fast\n"
    async with bench.transactions.begin() as tx:
        used = (await tx.connection.execute(select(execution_secrets).order_by("name"))).all()
        kept = (await tx.connection.execute(select(target_secrets))).all()
        events = select(audit_events.c.details).where(audit_events.c.action == "secret.used")
        (details,) = (await tx.connection.execute(events)).scalars()
        tables = await tx.connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        for table in tables.scalars().all():
            rows = await tx.connection.execute(text(f'SELECT t::text FROM "{table}" t'))
            assert not [row for row in rows.scalars() if "hunter2" in row], table
    assert [(row.variable_id, row.name, row.version, row.maskable) for row in used] == [
        (short.id, "PIN", 1, False),
        (token.id, "TOKEN", 1, True),
    ]
    assert kept == []
    assert [(each["name"], each["version"]) for each in details["secrets"]] == [("PIN", 1), ("TOKEN", 1)]


async def test_secret_changed_during_the_run_is_still_masked_after_take_over(
    database_url: str, engine: AsyncEngine, transactions: SqlTransactions, sshd: Sshd, tmp_path: Path
) -> None:
    """値の途中までを受け取ってワーカーが去り、秘密が替わっても、引き継いだ者は渡したとおりの値を伏せる。"""
    go, vault = tmp_path / "go", FernetVault([new_encryption_key()])
    tmp_path.chmod(0o755)
    script = (
        f'printf "a %.10s" "$TOKEN"; until [ -e {go} ]; do sleep .05; done; echo "${{TOKEN#??????????}} b"\n'
    )
    async with worker(database_url, engine, transactions, sshd, vault) as first:
        token = await give(first, "TOKEN", "hunter2-hunter2")
        target_id = await first.place(script)
        delivery = asyncio.create_task(first.runner.deliver(target_id))

        async def stored() -> bool:
            return (await first.target(target_id)).log_bytes > 0

        await eventually(stored, "値の前までが保存される")
        draft = VariableDraft("TOKEN", VariableKind.SECRET, Content(b"something-else"))
        await VariableService(transactions, vault).update(SYSTEM, token.id, draft, None)
        await first.runner.stop()
        await asyncio.gather(delivery, return_exceptions=True)
    async with worker(database_url, engine, transactions, sshd, vault) as second:
        go.touch()
        await second.runner.deliver(target_id)
        assert await second.log(target_id) == b"a ******** b\n"
        assert (await second.target(target_id)).log_masked == 1


async def test_secret_that_cannot_be_opened_stops_the_run(bench: Bench) -> None:
    """開けない秘密があれば、何も動かさず、どれが開けないかを言う。"""
    other = FernetVault([new_encryption_key()])
    service = VariableService(bench.transactions, other)
    draft = VariableDraft("TOKEN", VariableKind.SECRET, Content(b"hunter2-hunter2"))
    await service.create(SYSTEM, EVERYWHERE, draft)
    target = await bench.target(await run(bench, "echo hi\n"))
    assert (target.state, target.reason) == (TargetState.FAILED, Reason.SECRET_UNUSABLE)
    assert "'TOKEN'" in target.detail
    assert target.log_bytes == 0
