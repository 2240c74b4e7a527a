"""計測の土台: 本物の製品と本物の sshd を並べて動かす。"""

import asyncio
import contextlib
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "backend" / "tests"))

import httpx

from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, PRIVATE_KEY, Sshd, SshdOptions, start_sshd


@dataclass
class Bench:
    """動いている製品と、同じ sshd へつなぐ OpenSSH の引数。"""

    product: Product
    client: httpx.AsyncClient
    journey: Journey
    credential_id: int
    server_id: int
    sshd: Sshd
    ssh: tuple[str, ...]
    root: Path


@contextlib.asynccontextmanager
async def bench(options: SshdOptions | None = None, **environment: str) -> AsyncIterator[Bench]:
    root = Path(tempfile.mkdtemp(prefix="tsubame-bench-"))
    root.chmod(0o755)  # noqa: ASYNC240  計測の前の支度
    product = Product(root / "data", TSUBAME_LOG_LEVEL="warning", **environment)
    sshd = await start_sshd(options)
    try:
        await product.start()
        async with product.client() as client:
            journey = Journey(client)
            credential_id = await journey.add_key()
            server_id = await journey.add_server(sshd, ME, credential_id=credential_id)
            yield Bench(product, client, journey, credential_id, server_id, sshd, _ssh(root, sshd), root)
    finally:
        product.stop()
        await sshd.stop()
        shutil.rmtree(root)


def _ssh(root: Path, sshd: Sshd) -> tuple[str, ...]:
    key = root / "key"
    key.touch(mode=0o600)
    key.write_text(PRIVATE_KEY)
    known = root / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key.public_key}\n")
    options = {
        "IdentityFile": key,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": known,
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        # 製品と同じ暗号で比べる
        "Ciphers": "aes128-gcm@openssh.com",
    }
    flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return ("ssh", "-F", "none", *flags, "-p", str(sshd.port), f"{ME}@127.0.0.1")


async def run(*command: str) -> float:
    """命令を動かし、終わるまでの秒を返す。出力は捨てる。"""
    started = asyncio.get_running_loop().time()
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {said.decode(errors='replace')[-2000:]}")
    return asyncio.get_running_loop().time() - started


def describe(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered) * 1000:7.1f} ms   p95 {p95 * 1000:7.1f} ms"
