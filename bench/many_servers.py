"""同じ命令をたくさんのサーバで。記録しながらの製品を、記録しない道具たちと同じ回で測る。

相手は 127.0.2.x で待つ一つの sshd(ホストごとに別の接続を張る)。比べる道具は
``competitors.txt`` から別の場所に入れる。使い方: many_servers.py [台数 …](既定は 50 200)
"""

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from product_bench import Bench, bench, run

from harness.sshd import ME, SshdOptions
from harness.stream import open_stream

COMMAND = "uname -a; id; df -h /"
ROUNDS = 3
RESULTS: dict[str, dict[str, float]] = {}
BUDGETS = {"clush -f 64": 0.4, "ansible -f 50": 0.15}
_HERE = Path(__file__).parent
_PARALLEL_SSH = """
import sys
from pssh.clients import ParallelSSHClient
port, user, key, command, *hosts = sys.argv[1:]
client = ParallelSSHClient(hosts, user=user, port=int(port), pkey=key, pool_size=64)
output = client.run_command(command)
client.join(output)
assert all(item.exit_code == 0 and list(item.stdout) for item in output)
"""


@dataclass(frozen=True)
class Others:
    """比べる道具一式と、それらに渡す鍵・住所。"""

    b: Bench
    bin: Path
    hosts: list[str]

    @property
    def key(self) -> str:
        return str(self.b.root / "key")

    async def clush(self) -> float:
        options = " ".join(self.b.ssh[1:-1])
        names = ",".join(self.hosts)
        return await run(str(self.bin / "clush"), "-f", "64", "-o", options, "-l", ME, "-w", names, COMMAND)

    async def parallel_ssh(self) -> float:
        python, port = str(self.bin / "python"), str(self.b.sshd.port)
        return await run(python, "-c", _PARALLEL_SSH, port, ME, self.key, COMMAND, *self.hosts)

    async def pyinfra(self) -> float:
        inventory = self.b.root / "hosts.py"
        data = {
            "ssh_port": self.b.sshd.port,
            "ssh_user": ME,
            "ssh_key": self.key,
            # paramiko は known_hosts の型(127.0.*)を読めない
            "ssh_strict_host_key_checking": "no",
        }
        inventory.write_text(f"hosts = ({self.hosts!r}, {data!r})\n")
        tool = str(self.bin / "pyinfra")
        return await run(tool, "-y", "--parallel", "64", str(inventory), "exec", "--", COMMAND)

    async def ansible(self) -> float:
        inventory = self.b.root / "hosts.ini"
        shared = f"ansible_port={self.b.sshd.port} ansible_user={ME} ansible_ssh_private_key_file={self.key}"
        python = "ansible_python_interpreter=/usr/bin/python3"
        lines = [f"{host} {shared} {python}" for host in self.hosts]
        inventory.write_text("\n".join(lines) + "\n")
        options = f"--ssh-common-args=-F none -o UserKnownHostsFile={self.b.root / 'known_hosts'}"
        tool = str(self.bin / "ansible")
        return await run(tool, "all", "-i", str(inventory), "-f", "50", "-m", "shell", "-a", COMMAND, options)


async def main(sizes: list[int]) -> None:
    options = SshdOptions(listen=("0.0.0.0",), max_startups="2000", max_sessions=100)
    async with bench(options) as b:
        bin_folder = install(b.root)
        known = b.root / "known_hosts"
        known.write_text(f"[127.0.*.*]:{b.sshd.port} {b.sshd.host_key.public_key}\n")
        servers = [await add(b, number) for number in range(max(sizes))]
        for size in sizes:
            job = await b.journey.add_job(COMMAND, servers[:size])
            others = Others(b, bin_folder, [address(number) for number in range(size)])
            await measure(b, job, size, others)
        draw(bin_folder)


async def measure(b: Bench, job: int, size: int, others: Others) -> None:
    ways: dict[str, Callable[[], Awaitable[float]]] = {
        "tsubame(つながったあと / warm)": lambda: product(b, job, size),
        "clush -f 64": others.clush,
        "parallel-ssh": others.parallel_ssh,
        "pyinfra": others.pyinfra,
        "ansible -f 50": others.ansible,
    }
    cold = await product(b, job, size)
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            samples[name].append(await way())
    warm, *rest = (statistics.median(values) for values in samples.values())
    others_of = dict(zip(list(ways)[1:], rest, strict=True))
    RESULTS[str(size)] = {"tsubame": warm, "tsubame (first run)": cold, **others_of}
    print(f"{size} servers: tsubame first run (cold) {cold:.2f} s, warm {warm:.2f} s, recorded and stored")
    for name, seconds in others_of.items():
        budget = f"   (budget {BUDGETS[name]})" if name in BUDGETS else ""
        print(f"  {name:14} {seconds:6.2f} s   warm {warm / seconds:.2f}, cold {cold / seconds:.2f}{budget}")


async def product(b: Bench, job: int, size: int) -> float:
    """押してから、全部の対象の結果とログがしまわれるまで。"""
    loop = asyncio.get_running_loop()
    async with open_stream(b.client) as stream:
        started = loop.time()
        execution = await b.journey.start(job)
        number = await stream.subscribe("execution", execution_id=execution["id"])
        told = await stream.execution_when(number, lambda held: held["finished_at"] is not None)
        seconds = loop.time() - started
    counts = told["state_counts"]
    if counts != {"succeeded": size}:
        raise RuntimeError(f"not all succeeded: {counts}")
    return seconds


def address(number: int) -> str:
    return f"127.0.{2 + number // 250}.{1 + number % 250}"


async def add(b: Bench, number: int) -> int:
    return await b.journey.add_server(
        b.sshd, ME, name=f"host{number}", host=address(number), credential_id=b.credential_id
    )


def draw(bin_folder: Path) -> None:
    """結果を図にする(docs/images/many-servers.svg)。図の道具も、比べる道具と同じ場所にある。"""
    plot = _HERE / "plot.py"
    subprocess.run([bin_folder / "python", plot], input=json.dumps(RESULTS), text=True, check=True)


def install(root: Path) -> Path:
    """比べる道具を入れ、置き場を返す。"""
    folder = root / "competitors"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "-r", _HERE / "competitors.txt"], check=True)
    return folder / "bin"


if __name__ == "__main__":
    asyncio.run(main([int(size) for size in sys.argv[1:]] or [50, 200]))
