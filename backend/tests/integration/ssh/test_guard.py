"""見張り: 時間の上限と連絡の途絶を、つながりがなくても、サーバの側で守る。

走り手を三つのシェルでじかに動かす。SSH ごしの一続きは test_guarded_runs.py。
"""

import asyncio
import contextlib
import itertools
import os
import random
import secrets
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.processes import listed, sleeping
from harness.remote_runs import order
from harness.waiting import eventually
from tsubame.business.executions.remote_run import Guard
from tsubame.data_access.ssh.remote_run import runner_arguments
from tsubame.data_access.ssh.upload import upload

SHELLS = [["dash"], ["bash"], ["busybox", "ash"]]
_numbers = itertools.count(random.randrange(10**7, 10**8))


@dataclass
class Runner:
    """走り手一つ。"""

    process: asyncio.subprocess.Process
    base: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    async def end(self) -> list[str]:
        """終わるまで待ち、終わりの記録の欄を返す。"""
        async with asyncio.timeout(20):
            await self.process.communicate()
        return self.base.with_suffix(".fin").read_text().splitlines()[1].split()

    def session(self) -> dict[int, str]:
        """走り手と同じセッションで生きているプロセスの、番号と命令。"""
        return {process.pid: process.args for process in listed() if process.session == self.pid}

    def guard_naps(self) -> list[int]:
        """見張りの眠り(一日と一秒)の番号。"""
        return [pid for pid, args in self.session().items() if args.endswith("sleep 86401")]


class Bench:
    """一つのシェルで走り手を動かす台。"""

    def __init__(self, shell: list[str], folder: Path) -> None:
        self._shell = shell
        self._folder = folder
        self._started: list[Runner] = []

    async def start(self, script: str, guard: Guard | None) -> Runner:
        wanted = order(script, guard=guard)
        base = self._folder / wanted.run_id
        base.with_suffix(".fin").write_text("x".rjust(99) + "\n")
        base.with_suffix(".out").touch()
        code, size, limits = runner_arguments(guard, len(wanted.script))
        arguments = [str(base), wanted.run_id, secrets.token_hex(4), size, "022", "!", *limits.split()]
        command = [*self._shell, "-c", code, "tsubame-run", *arguments]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(upload(wanted))
        process.stdin.close()
        assert int(await process.stdout.readline()) == process.pid
        assert await process.stdout.readline() == b"claimed\n"
        runner = Runner(process, base)
        self._started.append(runner)
        return runner

    async def close(self) -> None:
        for runner in self._started:
            for pid in runner.session():
                os.kill(pid, signal.SIGKILL)
            await runner.process.wait()


@pytest.fixture(params=SHELLS, ids=" ".join)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(request.param, tmp_path)
    yield made
    await made.close()


async def test_time_limit_stops_the_whole_tree(bench: Bench) -> None:
    """上限を過ぎたら、孫も、別のセッションの子も消え、終わりに「時間切れ」と残る。"""
    number = next(_numbers)
    tree = f"setsid sleep {number} & (nohup sh -c 'sleep {number}; :' >/dev/null 2>&1 &); sleep {number}\n"
    runner = await bench.start(tree, Guard(1, None, 2.0))
    await eventually(lambda: len(sleeping(number)) == 3, "眠り始める")
    code, _size, _up, note, end = await runner.end()
    assert (note, end) == ("timed_out", ".")
    assert code != "0"
    assert sleeping(number) == []


async def test_deaf_script_is_killed_after_the_grace(bench: Bench) -> None:
    """TERM を聞かないスクリプトも、猶予のあとで消える。"""
    number = next(_numbers)
    runner = await bench.start(
        f"trap '' TERM; sleep {number} & while :; do sleep {number}; done\n", Guard(1, None, 0.3)
    )
    assert (await runner.end())[3] == "timed_out"
    assert sleeping(number) == []


async def test_script_that_ends_well_on_term_still_timed_out(bench: Bench) -> None:
    """TERM を受けて 0 で終わっても、時間切れ。後始末の出力は残る。"""
    runner = await bench.start(
        "trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep .05; done\n", Guard(1, None, 5.0)
    )
    code, _size, _up, note, _end = await runner.end()
    assert (code, note) == ("0", "timed_out")
    # 眠る子がちょうどいれば、シェルはその死を「Terminated」と書く
    said = runner.base.with_suffix(".out").read_text().splitlines()
    assert [line for line in said if line != "Terminated"] == ["up", "cleaned"]


async def test_script_within_the_limit_is_left_alone(bench: Bench) -> None:
    """上限のうちに終われば、終わりは元のまま。見張りも、その眠りも残らない。"""
    runner = await bench.start("echo hi; exit 3\n", Guard(86_400, 3600, 5.0))
    fields = await runner.end()
    assert (fields[0], fields[3]) == ("3", "-")
    await eventually(lambda: not runner.session(), "見張りが去る")


async def test_background_child_outlives_the_guard(bench: Bench) -> None:
    """スクリプトがわざと残した子は、見張りが退いたあとも生きている。"""
    number = next(_numbers)
    runner = await bench.start(f"sleep {number} >/dev/null 2>&1 & exit 0\n", Guard(86_400, None, 5.0))
    assert (await runner.end())[3] == "-"
    await eventually(lambda: len(runner.session()) == 1, "見張りだけが去る")
    assert len(sleeping(number)) == 1


async def test_no_guard_without_a_rule(bench: Bench) -> None:
    """決まりのない走りには、プロセスが一つも増えない。"""
    number = next(_numbers)
    runner = await bench.start(f"exec sleep {number}\n", None)
    await eventually(lambda: sleeping(number), "眠り始める")
    assert len(runner.session()) == 2


async def test_guard_sleeps_in_one_piece(bench: Bench) -> None:
    """見張りは二つのプロセスだけで、上限の時まで一度も起きずに眠る。"""
    number = next(_numbers)
    runner = await bench.start(f"exec sleep {number}\n", Guard(86_400, None, 5.0))
    await eventually(lambda: sleeping(number), "眠り始める")
    await eventually(lambda: len(runner.session()) == 4, "見張りが眠る")
    assert len(runner.guard_naps()) == 1


async def test_kill_0_does_not_end_the_guard(bench: Bench) -> None:
    """スクリプトが組の全員にシグナルを送っても、見張りは残って上限を守る。"""
    number = next(_numbers)
    runner = await bench.start(f"trap '' TERM; sleep .3; kill 0; sleep {number}\n", Guard(2, None, 0.1))
    code, _size, _up, note, _end = await runner.end()
    assert (code, note) == ("137", "timed_out")
    assert sleeping(number) == []


async def test_alarm_of_the_script_is_not_a_timeout(bench: Bench) -> None:
    """スクリプトが走り手に ALRM を送っても、時間切れとは記さない。"""
    runner = await bench.start("kill -s ALRM $PPID; exit 4\n", Guard(86_400, None, 5.0))
    fields = await runner.end()
    assert (fields[0], fields[3]) == ("4", "-")


async def test_cancel_mark_ends_the_guard(bench: Bench) -> None:
    """中止の印があるところへ TERM が届くと、見張りは退き、中止に任せる。"""
    number = next(_numbers)
    runner = await bench.start(
        f"trap '' TERM; sleep {number} & while :; do sleep {number}; done\n", Guard(86_400, None, 5.0)
    )
    await eventually(lambda: len(runner.session()) == 6, "見張りも子も眠る")
    runner.base.with_suffix(".can").touch()
    # 中止は木の全員に送る。見張りの眠りから先に死んでも、時が来たとは思わない。
    for pid in (*runner.guard_naps(), *runner.session()):
        # 眠りが死んだとたんに、見張りはもう去っていることがある
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    await eventually(lambda: len(runner.session()) == 4, "見張りと、その眠りが去る")
    assert len(sleeping(number)) == 2


async def test_guard_outlives_the_runner(bench: Bench) -> None:
    """走り手が殺されても、見張りは上限で残りの木を止める。"""
    number = next(_numbers)
    runner = await bench.start(f"setsid sleep {number} & sleep {number}\n", Guard(2, None, 0.5))
    await eventually(lambda: len(sleeping(number)) == 2, "眠り始める")
    runner.process.kill()
    await eventually(lambda: sleeping(number) == [], "木が消える")
    await eventually(lambda: not runner.session(), "見張りも消える")


async def test_silence_stops_the_tree(bench: Bench) -> None:
    """連絡がないまま決まりの長さを過ぎると止まり、わけが残る。"""
    number = next(_numbers)
    runner = await bench.start(f"sleep {number} & sleep {number}\n", Guard(None, 1, 2.0))
    assert (await runner.end())[3] == "contact_lost"
    assert sleeping(number) == []


async def test_contact_keeps_it_alive(bench: Bench) -> None:
    """連絡の印を見るたびに数え直し、印を消す。途絶えてはじめて止まる。"""
    runner = await bench.start("while :; do sleep .2; done\n", Guard(None, 3, 2.0))
    mark = runner.base.with_suffix(".con")
    for _ in range(5):
        mark.touch()
        await eventually(lambda: not mark.exists(), "印を見て消す")
        assert runner.process.returncode is None
    began, ended = map(float, (await _up(runner)).split("-"))
    assert ended - began > 7


async def _up(runner: Runner) -> str:
    _code, _size, up, note, _end = await runner.end()
    assert note == "contact_lost"
    return up
