"""悪い入力と不運: どれも、対象の状態・理由・残ったログとして、利用者に分かる形で終わる。"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.journey import Journey
from harness.product import Product
from harness.sshd import IS_ROOT, ME, PASSWORD, Sshd, SshdOptions, ensure_user, free_port, start_sshd

# root とふつうの利用者では、シグナルや家の扱いが違う。root でなければ、自分一人で試す
PEOPLE = ["root", "tsbdash"] if IS_ROOT else [ME]
SHELLS = {"tsbfish": "/usr/bin/fish", "tsbcsh": "/bin/tcsh", "tsbzsh": "/usr/bin/zsh"} if IS_ROOT else {}


@dataclass(frozen=True)
class Case:
    """スクリプトと、その結末。"""

    script: str
    state: str
    reason: str | None
    exit_code: int | None
    log: bytes | None = None
    more: dict[str, Any] = field(default_factory=dict)


SCRIPTS = {
    "終了コード0": Case("exit 0", "succeeded", None, 0, b""),
    "終了コード1": Case("exit 1", "failed", "exit_nonzero", 1, b""),
    "終了コード126": Case("exit 126", "failed", "command_not_executable", 126, b""),
    "終了コード127": Case("exit 127", "failed", "command_not_found", 127, b""),
    "終了コード255": Case("exit 255", "failed", "exit_nonzero", 255, b""),
    "シグナルで死ぬ": Case("kill -KILL $$", "failed", "killed_by_signal", 137),
    "空のスクリプト": Case("", "succeeded", None, 0, b""),
    "CRLF": Case("echo one\r\necho two\r\n", "succeeded", None, 0, b"one\ntwo\n"),
    "UTF-8でない出力": Case("printf 'a\\377\\200b'", "succeeded", None, 0, b"a\xff\x80b"),
    "NULを含む出力": Case("printf 'a\\000b'", "succeeded", None, 0, b"a\x00b"),
    "ない命令": Case("nothing-like-this", "failed", "command_not_found", 127),
    "ない作業ディレクトリ": Case(
        "echo hi", "failed", "working_directory_missing", 125, more={"working_directory": "/nowhere/at/all"}
    ),
    "ないインタプリタ": Case("#!/nowhere/python\nx", "failed", "interpreter_missing", None),
}


@pytest.mark.parametrize("user", PEOPLE)
@pytest.mark.parametrize("case", SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_script_ends_as_it_should(product: Product, sshd: Sshd, case: Case, user: str) -> None:
    """スクリプトの終わり方ごとに、状態と理由と終了コードが決まり、出力は一バイトも変わらない。"""
    _prepare(user)
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, user)
        target = (await journey.run(await journey.add_job(case.script, [server], **case.more)))["targets"][0]
        assert (target["state"], target["reason"]) == (case.state, case.reason), target["detail"]
        assert case.exit_code is None or target["exit_code"] == case.exit_code
        assert case.log is None or await journey.log(target["id"]) == case.log


async def test_one_line_of_100_mb(product: Product, sshd: Sshd) -> None:
    """改行のない 100 MB も全部残り、画面には切って渡す。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        job = await journey.add_job("head -c 100000000 /dev/zero | tr '\\0' x", [server])
        target = (await journey.run(job, seconds=120))["targets"][0]
        assert (target["log_bytes"], target["log_lines"]) == (100_000_000, 1)
        shown = await client.get(f"/targets/{target['id']}/log/lines?from=1&count=1")
        assert int(shown.headers["X-Log-Truncated-Lines"]) == 1
        assert len(shown.content) < 100_000
        digest = hashlib.sha256(await journey.log(target["id"])).digest()
        assert digest == hashlib.sha256(b"x" * 100_000_000).digest()


async def test_log_larger_than_its_limit(product: Product, sshd: Sshd) -> None:
    """上限を超えても走りは最後まで動き、頭と末尾が元の行番号で残り、真ん中がないことが結果に出る。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = "echo ::group::numbers; seq 1000000; echo ::endgroup::; echo ::error::last words"
        job = await journey.add_job(script, [server], max_log_bytes=1024 * 1024)
        target = (await journey.run(job))["targets"][0]
        whole = b"::group::numbers\n" + b"".join(b"%d\n" % n for n in range(1, 1_000_001))
        whole += b"::endgroup::\n::error::last words\n"
        assert (target["state"], target["log_bytes"]) == ("succeeded", len(whole))
        gap = target["log_gap"]
        assert len(whole) - gap["bytes"] <= 1024 * 1024 * 5 // 4
        path = f"/targets/{target['id']}/log"
        tail = await client.get(f"{path}/lines?from={gap['first_line']}&count=1")
        # 先頭の一行が区切りなので、n 行目には n - 1 と書いてある
        assert tail.headers["X-Log-First-Line"] == str(gap["last_line"] + 1)
        assert tail.content == b"%d\n" % gap["last_line"]
        log = await journey.log(target["id"])
        assert log.startswith(whole[: 1024 * 256])
        assert log.endswith(whole[-512 * 1024 :])
        marks = (await client.get(f"{path}/marks")).json()
        assert [(one["first_line"], one["last_line"]) for one in marks["sections"]] == [(1, 1_000_002)]
        assert [one["line"] for one in marks["annotations"]] == [1_000_003]


@pytest.mark.parametrize("user", SHELLS)
async def test_any_login_shell(product: Product, sshd: Sshd, user: str) -> None:
    """ログインシェルが fish でも csh でも zsh でも、スクリプトは sh で動く。"""
    ensure_user(user, SHELLS[user])
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, user)
        target = (await journey.run(await journey.add_job("x=1; echo $((x + 1))", [server])))["targets"][0]
        assert (target["state"], await journey.log(target["id"])) == ("succeeded", b"2\n")


async def test_noisy_profile_stays_out_of_the_log(product: Product, sshd: Sshd) -> None:
    """うるさい .bashrc の言葉は、ログに混ざらない。"""
    home = ensure_user("tsbnoisy", "/bin/bash") if IS_ROOT else None
    if home is not None:
        (home / ".bashrc").write_text('echo "Welcome"; printf "no newline"; echo noise >&2; set -x\n')
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, "tsbnoisy" if IS_ROOT else ME)
        target = (await journey.run(await journey.add_job("echo only this", [server])))["targets"][0]
        assert await journey.log(target["id"]) == b"only this\n"


async def test_wrong_key_is_named(product: Product, sshd: Sshd) -> None:
    """サーバが知らない鍵なら、「認証に失敗」と言う。"""
    async with product.client() as client:
        journey = Journey(client)
        other = await journey.call(
            "POST", "/credentials/generate", status=201, name=f"other-{secrets.token_hex(4)}"
        )
        server = await journey.add_server(sshd, ME, credential_id=other["id"])
        target = (await journey.run(await journey.add_job("echo hi", [server])))["targets"][0]
        assert (target["state"], target["reason"]) == ("failed", "auth_failed")
        tested = await journey.call("POST", f"/servers/{server}/test")
        assert (tested["ok"], tested["reason"]) == (False, "auth_failed")


async def test_wrong_password_is_named(product: Product, sshd: Sshd) -> None:
    """パスワードが違えば、「認証に失敗」と言う。合っていれば動き、ログにパスワードは残らない。"""
    user = "tsbdash" if IS_ROOT else ME
    _prepare(user)
    async with product.client() as client:
        journey = Journey(client)
        wrong = await journey.add_password("wrong password 1")
        server = await journey.add_server(sshd, user, credential_id=wrong)
        target = (await journey.run(await journey.add_job("echo hi", [server])))["targets"][0]
        assert (target["state"], target["reason"]) == ("failed", "auth_failed")


@pytest.mark.parametrize("user", ["tsbdash"] if IS_ROOT else [])
async def test_password_never_reaches_the_log(product: Product, sshd: Sshd, user: str) -> None:
    """パスワードで入れるサーバで、スクリプトがそれを書き出しても、ログには伏せて残る。"""
    _prepare(user)
    async with product.client() as client:
        journey = Journey(client)
        right = await journey.add_password(PASSWORD)
        server = await journey.add_server(sshd, user, credential_id=right)
        target = (await journey.run(await journey.add_job(f"echo 'is: {PASSWORD}!'", [server])))["targets"][0]
        assert (target["state"], await journey.log(target["id"])) == ("succeeded", b"is: ********!\n")


async def test_refused_port_is_named(product: Product, sshd: Sshd) -> None:
    """だれも聞いていないポートなら、「接続を断られた」と言う。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        await sshd.stop()
        target = (await journey.run(await journey.add_job("echo hi", [server])))["targets"][0]
        assert (target["state"], target["reason"]) == ("failed", "connect_refused")


async def test_unknown_host_is_named(product: Product, sshd: Sshd) -> None:
    """名前を引けないホストは、ホスト鍵を読む段でそう言う。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(
            sshd, ME, approve=False, host="no-such-host.invalid", port=free_port()
        )
        answer = await client.post(f"/servers/{server}/host-key/scan")
        assert answer.json()["code"] == "name_not_resolved"


async def test_changed_host_key_blocks_until_approved(product: Product, sshd: Sshd) -> None:
    """ホスト鍵が変わったら動かさず、両方を見せる。人が承認すれば、また動く。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        job = await journey.add_job("echo hi", [server])
        pinned = sshd.host_key.fingerprint
        await sshd.stop()
        changed = sshd.replace_host_key()
        await sshd.start()
        target = (await journey.run(job))["targets"][0]
        assert (target["state"], target["reason"]) == ("failed", "host_key_changed")
        shown = await journey.call("GET", f"/servers/{server}")
        keys = (shown["host_key"]["fingerprint"], shown["offered_host_key"]["fingerprint"])
        assert (shown["host_key_state"], keys) == ("changed", (pinned, changed.fingerprint))
        await journey.call("POST", f"/servers/{server}/host-key/approve", fingerprint=changed.fingerprint)
        assert (await journey.run(job))["state"] == "succeeded"


async def test_forced_command_is_refused_with_what_the_server_said(product: Product) -> None:
    """命令を動かせないサーバ(ForceCommand)では、そうだと分かる理由で終わる。"""
    sshd = await start_sshd(SshdOptions(force_command="internal-sftp"))
    try:
        async with product.client() as client:
            journey = Journey(client)
            server = await journey.add_server(sshd, ME)
            target = (await journey.run(await journey.add_job("echo hi", [server])))["targets"][0]
            assert (target["state"], target["reason"]) == ("failed", "shell_unusable")
    finally:
        await sshd.stop()


@pytest.mark.parametrize(
    ("key", "passphrase", "code"),
    [
        ("not a key", None, "key_unreadable"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0 me@here", None, "key_is_public"),
    ],
)
async def test_unusable_key_is_refused_at_the_door(
    product: Product, key: str, passphrase: str | None, code: str
) -> None:
    """読めない鍵は、しまう前に、欄を示して断る。"""
    async with product.client() as client:
        body = {"name": "bad key", "kind": "ssh_key", "private_key": key, "passphrase": passphrase}
        answer = await client.post("/credentials", json=body)
        assert answer.status_code == 422
        assert [error["code"] for error in answer.json()["errors"]] == [code]


def _prepare(user: str) -> None:
    if user.startswith("tsb"):
        ensure_user(user)
