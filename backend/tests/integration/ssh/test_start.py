"""始めて、終わりまで追う: 終了コード、環境変数、場所、解釈系。"""

import asyncio
import pwd

import pytest

from harness.remote_runs import follow, order, run
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway

FUNNY = "".join(chr(code) for code in range(1, 0x100)) + "'\"\\$`!\n改行の\n日本語🐦\n\n"
HOSTILE_NAMES = (
    "f",
    "i",
    "n",
    "base",
    "script",
    "upload",
    "mask",
    "bang",
    "nonce",
    "directory",
    "code",
    "note",
)
SHELL_NAMES = ("IFS", "PS4", "ENV", "CDPATH", "LC_ALL", "OPTIND", "UID", "PPID", "HOME", "_")


async def test_output_in_order(ssh: SshGateway, endpoint: Endpoint) -> None:
    """標準出力と標準エラーが、書かれた順に一本で届く。"""
    followed = await run(ssh, endpoint, "echo one; echo two >&2; echo three\n")
    assert followed.log == b"one\ntwo\nthree\n"
    assert followed.exited.size == len(followed.log)


@pytest.mark.parametrize("code", [0, 1, 125, 126, 127, 255])
async def test_exit_code_is_exact(ssh: SshGateway, plain: Endpoint, code: int) -> None:
    """スクリプトの終了コードは、シェルが特別に扱う値でもそのまま届く。"""
    exited = (await run(ssh, plain, f"exit {code}\n")).exited
    assert (exited.exit_code, exited.start_failure, exited.log_incomplete) == (code, None, False)


@pytest.mark.parametrize(
    ("name", "code"), [("HUP", 129), ("INT", 130), ("QUIT", 131), ("KILL", 137), ("SEGV", 139), ("TERM", 143)]
)
async def test_death_by_signal(ssh: SshGateway, endpoint: Endpoint, name: str, code: int) -> None:
    """シグナルで死んだスクリプトは 128 + 番号になる。INT と QUIT も無視されない。"""
    exited = (await run(ssh, endpoint, f"ulimit -c 0\nkill -s {name} $$\nexit 0\n")).exited
    assert exited.exit_code == code


async def test_pipe_signal_is_default(ssh: SshGateway, plain: Endpoint) -> None:
    """スクリプトのシグナルの扱いは初めのまま(SIGPIPE で静かに止まる yes)。"""
    followed = await run(ssh, plain, "yes | head -n 1; grep SigIgn /proc/self/status\n")
    line, _, ignored = followed.log.partition(b"\nSigIgn:\t")
    assert line == b"y"
    # 32 番より後ろは C ライブラリの内輪の合図で、sshd を起こした側しだいで無視が引き継がれる
    assert int(ignored, 16) & 0x7FFF_FFFF == 0


async def test_empty_script(ssh: SshGateway, endpoint: Endpoint) -> None:
    """空のスクリプトは、何も書かずに 0 で終わる。"""
    followed = await run(ssh, endpoint, b"")
    assert (followed.log, followed.exited.exit_code) == (b"", 0)


async def test_script_reaches_byte_for_byte(ssh: SshGateway, plain: Endpoint) -> None:
    """スクリプトは、CRLF でも不正な UTF-8 でも、一バイトも変わらずに解釈系へ渡る。"""
    script = b"#!/bin/cat\r\n\x00\xff\xfe binary \x80\r\nno newline at end"
    assert (await run(ssh, plain, script, interpreter=("/bin/cat",))).log == script


async def test_line_numbers_are_the_users(ssh: SshGateway, plain: Endpoint) -> None:
    """誤りの文の行番号は、利用者が書いたスクリプトのもの。"""
    followed = await run(ssh, plain, "true\ntrue\nnosuchcommand\n", environment=(("A", "1\n2\n3"),))
    assert b": 3: nosuchcommand: not found" in followed.log


async def test_standard_input_is_empty(ssh: SshGateway, plain: Endpoint) -> None:
    """標準入力は空で、読むスクリプトが待ち続けない。"""
    assert (await run(ssh, plain, "cat; echo done\n")).log == b"done\n"


async def test_duration_is_measured_on_the_server(ssh: SshGateway, plain: Endpoint) -> None:
    """かかった時間は、サーバの起動からの秒で測られる。"""
    duration = (await run(ssh, plain, "sleep 0.3\n")).exited.duration_s
    assert duration is not None
    assert 0.28 <= duration < 10


async def test_environment_holds_any_bytes(ssh: SshGateway, endpoint: Endpoint) -> None:
    """環境変数の値は、改行・引用符・多バイト・制御文字を含んでもそのまま届く。"""
    followed = await run(ssh, endpoint, 'printf %s "$VALUE"\n', environment=(("VALUE", FUNNY),))
    assert followed.log == FUNNY.encode()


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, *SHELL_NAMES])
async def test_no_name_breaks_the_runner(ssh: SshGateway, plain: Endpoint, name: str) -> None:
    """利用者の変数が、走り手の内輪の名前やシェルの名前とぶつかっても、走りは壊れない。"""
    followed = await run(ssh, plain, "echo fine; exit 3\n", environment=((name, "0 1 /x*"), ("LAST", "z")))
    assert (followed.log, followed.exited.exit_code) == (b"fine\n", 3)


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, "IFS", "HOME", "PATH"])
async def test_any_name_reaches_the_script(ssh: SshGateway, plain: Endpoint, name: str) -> None:
    """どんな名前の変数も、スクリプトに見える。"""
    interpreter = ("/usr/bin/tr", "\\0", "\\n")
    script = "/usr/bin/tr '\\0' '\\n' </proc/self/environ\n"
    followed = await run(ssh, plain, script, environment=((name, "/bin:/usr/bin"),))
    assert f"{name}=/bin:/usr/bin".encode() in followed.log.split(b"\n"), interpreter


async def test_marker_cannot_be_overwritten(ssh: SshGateway, plain: Endpoint) -> None:
    """中止の印になる TSUBAME_RUN_ID は、利用者が同じ名前を渡しても走りの名前のまま。"""
    wanted = order("echo $TSUBAME_RUN_ID\n", environment=(("TSUBAME_RUN_ID", "mine"),))
    followed = await follow(await ssh.runs.start(plain, wanted))
    assert followed.log.decode().strip() == wanted.run_id


async def test_secrets_stay_out_of_arguments_and_disk(ssh: SshGateway, plain: Endpoint) -> None:
    """環境変数の値は、走っているあいだ、引数にもファイルにも現れない。"""
    script = (
        'cd "$(dirname "$0")"; cat "${0%.*.s}".*; '
        "grep -l hushhush /proc/[0-9]*/cmdline 2>/dev/null; echo looked\n"
    )
    followed = await run(ssh, plain, script, environment=(("TOKEN", "hush" + "hush"),))
    assert b"looked" in followed.log
    assert b"hushhush" not in followed.log.replace(b"-l hushhush", b"")


async def test_large_environment_and_script(ssh: SshGateway, plain: Endpoint) -> None:
    """3 MB のスクリプトと 100 kB の変数も届く。"""
    value, padding = "v" * 100_000, "# padding\n" * 300_000
    followed = await run(ssh, plain, padding + "echo ${#BIG}\n", environment=(("BIG", value),))
    assert followed.log == b"100000\n"


async def test_starts_in_home(ssh: SshGateway, endpoint: Endpoint) -> None:
    """場所を言わなければ、家で始まる。"""
    followed = await run(ssh, endpoint, "pwd\n")
    assert followed.log.decode().strip() == pwd.getpwnam(endpoint.username).pw_dir


async def test_tilde_is_the_servers_home(ssh: SshGateway, plain: Endpoint) -> None:
    """「~」はサーバの家。利用者が HOME を変えても、場所の解釈は変わらない。"""
    home = pwd.getpwnam(plain.username).pw_dir
    environment = (("HOME", "/nonexistent"),)
    await run(ssh, plain, "mkdir -p 'wörk dir/a'\n")
    for path, expected in (("~", home), ("~/wörk dir/a", f"{home}/wörk dir/a"), ("/usr", "/usr")):
        followed = await run(ssh, plain, "pwd\n", working_directory=path, environment=environment)
        assert followed.log.decode().strip() == expected


@pytest.mark.parametrize("path", ["/no/such/dir", "~/no such", "/etc/passwd", "/it's!\\/"])
async def test_missing_working_directory(ssh: SshGateway, endpoint: Endpoint, path: str) -> None:
    """場所に入れないときは、スクリプトを始めずに、そうと言う。"""
    followed = await run(ssh, endpoint, "echo started\n", working_directory=path)
    assert (followed.log, followed.exited.start_failure) == (b"", "working_directory")


@pytest.mark.parametrize(
    "interpreter", ["/no/such/interpreter", "nosuchinterpreter", "/etc/passwd", "/tmp", "/proc/self/mem"]
)
async def test_unusable_interpreter(ssh: SshGateway, endpoint: Endpoint, interpreter: str) -> None:
    """解釈系を動かせないときは、スクリプト自身の 126・127 と区別される。"""
    exited = (await run(ssh, endpoint, "echo started\n", interpreter=(interpreter,))).exited
    assert exited.start_failure == "interpreter"
    assert exited.exit_code in {126, 127}


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash", "/usr/bin/busybox ash"])
async def test_start_failures_under_each_sh(plain: Endpoint, shell: str) -> None:
    """サーバの sh が bash でも dash でも busybox でも、始められなかったことが分かる。"""
    ssh = SshGateway(shell=shell)
    try:
        followed = await run(ssh, plain, "", interpreter=("/no/such",))
        assert followed.exited.start_failure == "interpreter"
        environment = (("UID", "7"), ("PPID", "1"), ("A", FUNNY))
        followed = await run(ssh, plain, "exit 127\n", environment=environment)
        assert (followed.exited.exit_code, followed.exited.start_failure) == (127, None)
    finally:
        await ssh.close()


async def test_interpreter_with_arguments(ssh: SshGateway, plain: Endpoint) -> None:
    """解釈系の引数は、空白や引用符を含んでもそのまま渡る。"""
    words = ("/bin/sh", "-c", 'printf "[%s]" "$@"', "it's", "a b", "c!", "\\", "")
    followed = await run(ssh, plain, "ignored\n", interpreter=words)
    assert followed.log.startswith(b"[a b][c!][\\][][")


async def test_umask_is_untouched(ssh: SshGateway, plain: Endpoint) -> None:
    """記録は自分だけに見えるファイルになるが、スクリプトの umask はログインしたときのまま。"""
    wanted = order("umask\n")
    followed = await follow(await ssh.runs.start(plain, wanted))
    assert followed.log in {b"0022\n", b"0002\n"}
    files = list(followed.directory.glob(f"{wanted.run_id}.*"))
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert followed.directory.stat().st_mode & 0o777 == 0o700


async def test_files_are_removed(ssh: SshGateway, plain: Endpoint) -> None:
    """スクリプトは終わると消え、片付けたあとは何も残らない。片付けは二度呼んでもよい。"""
    wanted = order("true\n")
    followed = await follow(await ssh.runs.start(plain, wanted))
    names = {path.name.rpartition(".")[2] for path in followed.directory.glob(f"{wanted.run_id}.*")}
    assert names <= {"fin", "out", "run", "fol"}
    await asyncio.gather(*(ssh.runs.remove(plain, wanted.run_id) for _ in range(2)))
    assert not list(followed.directory.glob(f"{wanted.run_id}.*"))
