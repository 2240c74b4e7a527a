"""切れても、同じ走りに続きからつながる。二度は始まらない。"""

import asyncio
import hashlib
import random
from contextlib import suppress
from pathlib import Path

import pytest

from harness.remote_runs import follow, greeted, order, read_until, run
from harness.sshd import Sshd, kill_connection
from harness.waiting import eventually
from tsubame.business.executions.remote_run import Cut, Exited, Guard, Hello, Outcome, Refused, RunOrder
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import ConnectionProblem
from tsubame.data_access.ssh.channel import RunChannel
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.ssh.remote_run import command_for, runner_arguments
from tsubame.data_access.ssh.upload import upload


def _random_script(seed: int) -> tuple[str, str, int]:
    """行の途中で切れながら、ばらばらの大きさで書くスクリプトと、書くはずのものの sha256 と長さ。"""
    dice = random.Random(seed)
    steps, expected = [], b""
    for number in range(40):
        count = dice.choice([1, 3, 50, 700])
        text = f"{seed}.{number}." + "".join(dice.choices("abcdef 0123", k=40))
        steps.append(f"i=0; while [ $i -lt {count} ]; do printf %s '{text}'; i=$((i+1)); done; sleep 0.03")
        expected += text.encode() * count
    return "\n".join(steps) + "\nexit 42\n", hashlib.sha256(expected).hexdigest(), len(expected)


async def _drive(ssh: SshGateway, endpoint: Endpoint, wanted: RunOrder) -> tuple[bytes, Outcome, int]:
    """切れたら続きからつなぎ直す、いちばん素朴な運転手。"""
    log, greeted_once, cuts = bytearray(), False, 0
    while True:
        with suppress(ConnectionProblem):
            attachment = await (
                ssh.runs.attach(endpoint, wanted.run_id, len(log))
                if greeted_once
                else ssh.runs.start(endpoint, wanted)
            )
            greeted_once |= isinstance(await attachment.hello(), Hello)
            while data := await attachment.read():
                log += data
            outcome = await attachment.outcome()
            if not isinstance(outcome, Cut):
                return bytes(log), outcome, cuts
        cuts += 1


@pytest.mark.parametrize("follower", ["g", "l"])
async def test_sessions_killed_at_random(sshd: Sshd, ssh: SshGateway, plain: Endpoint, follower: str) -> None:
    """sshd をでたらめな時に kill -9 し続けても、ログは一バイトも失われず、増えない。"""
    dice, kills = random.Random(7), 0
    ssh.connections.of(plain).learn_follower(follower)
    jobs = []
    async with asyncio.TaskGroup() as group:
        for seed in range(8):
            script, digest, size = _random_script(seed)
            wanted = order(script, environment=(("SEED", str(seed)),))
            jobs.append((digest, size, group.create_task(_drive(ssh, plain, wanted), name=f"drive {seed}")))
        while not all(task.done() for _, _, task in jobs):
            # 追い手がつながるたび、でたらめなものを一つ殺す。終わりまで殺し続けると終わらないので、数を限る。
            await eventually(lambda: sshd.connections() or all(task.done() for *_, task in jobs), "つながる")
            await eventually(lambda: dice.random() < 0.05, "でたらめな間")
            if (alive := sshd.connections()) and kills < 12:
                kills += 1
                kill_connection(dice.choice(alive))
    for digest, size, task in jobs:
        log, outcome, _ = task.result()
        assert (len(log), hashlib.sha256(log).hexdigest()) == (size, digest)
        assert isinstance(outcome, Exited)
        assert outcome.exit_code == 42
    assert sum(task.result()[2] for _, _, task in jobs) >= 8


async def test_continues_from_the_offset(ssh: SshGateway, endpoint: Endpoint) -> None:
    """受け取り済みのバイト数を言えば、その続きだけが届く。"""
    wanted = order("printf 0123456789; exit 5\n")
    assert (await follow(await ssh.runs.start(endpoint, wanted))).log == b"0123456789"
    for offset in (0, 1, 9, 10):
        again = await follow(await ssh.runs.attach(endpoint, wanted.run_id, offset))
        assert again.log == b"0123456789"[offset:]
        assert again.exited.exit_code == 5


async def test_run_goes_on_without_us(
    sshd: Sshd, ssh: SshGateway, endpoint: Endpoint, tmp_path: Path
) -> None:
    """こちらが手を離し、接続が死んでも、スクリプトは最後まで走る。"""
    for parent in (*tmp_path.parents[:2], tmp_path):
        parent.chmod(0o777)
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    wanted = order(f"echo one; while [ ! -e {gate} ]; do sleep .02; done; echo two; touch {mark}; exit 3\n")
    first = await ssh.runs.start(endpoint, wanted)
    await read_until(first, b"one\n")
    sshd.kill_sessions()
    assert await first.read() == b""
    assert isinstance(await first.outcome(), Cut)
    gate.touch()
    await eventually(mark.exists, "走り切る")
    again = await follow(await ssh.runs.attach(endpoint, wanted.run_id, 4))
    assert (again.log, again.exited.exit_code) == (b"two\n", 3)


async def test_new_follower_ends_the_old(ssh: SshGateway, endpoint: Endpoint, tmp_path: Path) -> None:
    """二人目がつながると一人目は切られ、二人目だけが最後まで受け取る。"""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    gate = tmp_path / "gate"
    wanted = order(f"echo one; while [ ! -e {gate} ]; do sleep .02; done; echo two\n")
    first = await ssh.runs.start(endpoint, wanted)
    await read_until(first, b"one\n")
    second = await ssh.runs.attach(endpoint, wanted.run_id, 0)
    await greeted(second)
    async with asyncio.timeout(5):
        assert await first.read() == b""
    assert isinstance(await first.outcome(), Cut)
    third = await ssh.runs.attach(endpoint, wanted.run_id, 0)
    await greeted(third)
    async with asyncio.timeout(5):
        assert isinstance((await follow(second)).outcome, Cut)
    gate.touch()
    assert (await follow(third)).log == b"one\ntwo\n"


async def test_start_again_follows_the_same_run(ssh: SshGateway, endpoint: Endpoint) -> None:
    """同じ名前でもう一度始めても、走るのは一度だけで、続きが届く。"""
    wanted = order("echo started >>$HOME/count.$TSUBAME_RUN_ID; echo out; exit 8\n")
    first = await follow(await ssh.runs.start(endpoint, wanted))
    second = await follow(await ssh.runs.start(endpoint, wanted))
    assert (first.log, second.log, second.exited.exit_code) == (b"out\n", b"out\n", 8)
    counted = await run(ssh, endpoint, f"cat $HOME/count.{wanted.run_id}; rm $HOME/count.{wanted.run_id}\n")
    assert counted.log == b"started\n"


async def test_racing_starts_run_once(ssh: SshGateway, plain: Endpoint) -> None:
    """同じ名前で同時に始めても、走るのは一度だけで、どちらかが終わりまで見届ける。"""
    for _ in range(15):
        wanted = order("echo started >>$HOME/count.$TSUBAME_RUN_ID; echo out; exit 8\n")
        racers = await asyncio.gather(*(ssh.runs.start(plain, wanted) for _ in range(3)))
        ends = await asyncio.gather(*(follow(racer) for racer in racers))
        assert any(isinstance(end.outcome, Exited) for end in ends)
        assert {end.log for end in ends if isinstance(end.outcome, Exited)} == {b"out\n"}
        counted = await run(ssh, plain, f"cat $HOME/count.{wanted.run_id}; rm $HOME/count.{wanted.run_id}\n")
        assert counted.log == b"started\n"


@pytest.mark.parametrize("guard", [None, Guard(60, 60, 1.0)], ids=["plain", "guarded"])
async def test_torn_upload_never_runs(ssh: SshGateway, plain: Endpoint, guard: Guard | None) -> None:
    """途中で切れた送信は、半分のスクリプトとしても走らない。送り直せば、一度だけ走る。"""
    wanted = order("echo started\n" * 1000, guard=guard)
    body = upload(wanted)
    runner = runner_arguments(guard, len(wanted.script))
    line = command_for(plain, "/bin/sh", "start", (wanted.run_id, "00ff", *runner, "g", "0"))
    code, prelude = (len(each) + 1 for each in body.split(b"\n")[:2])
    for cut in (0, 1, code - 1, code, code + prelude - 1, code + prelude, len(body) - 1):
        runs = ssh.connections.of(plain).runs
        channel = await runs.open(line, lambda: RunChannel("00ff", 0, lambda _: None))
        await channel.send(body[:cut])
        await channel.closed.wait()
        assert channel.outcome == Refused("short")
    followed = await follow(await ssh.runs.start(plain, wanted))
    assert followed.log == b"started\n" * 1000
