"""暗号の鍵を、製品を動かしたまま入れ替える。"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cryptography.fernet import Fernet

from harness.installation import fresh_product
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
SECRET: Final = "hunter2-hunter2"
# 渡った値を、伏せても分かる形(文字数)で言い、止められるまで、そのまま言い続ける
LONG: Final = (
    'while [ ! -e "$TSUBAME_KEY_STOP" ]; do echo "I hold $TOKEN"; sleep 0.1; done; echo "last ${#TOKEN}"'
)
SHORT: Final = 'echo "short ${#TOKEN} $TOKEN"'


def keys(product: Product, verb: str, *ring: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TSUBAME_")}
    environment |= {"TSUBAME_DATA_DIR": str(product.data_dir), "TSUBAME_ENCRYPTION_KEYS": ",".join(ring)}
    return subprocess.Popen(
        [sys.executable, "-m", "tsubame", "keys", verb],
        env=environment, cwd=product.data_dir.parent, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


async def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, output


@pytest.fixture
def first() -> Iterator[Product]:
    yield from fresh_product(TSUBAME_ENCRYPTION_KEYS=OLD)


def restarted(product: Product, *ring: str) -> Product:
    """同じデータ置き場を、別の鍵で。"""
    return Product(product.data_dir, TSUBAME_ENCRYPTION_KEYS=",".join(ring))


async def test_keys_are_rotated_while_scripts_hold_secrets(
    first: Product, sshd: Sshd, tmp_path: Path
) -> None:
    """走りが秘密を持ったまま鍵を足し、閉じ直しを kill -9 で止めても、やり直せば新しい鍵だけで続く。"""
    stop = tmp_path / "stop"
    async with first.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        token = {"scope": "global", "name": "TOKEN", "kind": "secret", "value": SECRET}
        await journey.call("POST", "/variables", status=201, **token)
        for number in range(20):
            more = {"scope": "global", "name": f"MORE_{number}", "kind": "secret", "value": SECRET}
            await journey.call("POST", "/variables", status=201, **more)
        script = LONG.replace("$TSUBAME_KEY_STOP", str(stop))
        running = await journey.start(await journey.add_job(script, [server]))
        short = await journey.add_job(SHORT, [server])
        target = (await journey.call("GET", f"/executions/{running['id']}"))["targets"][0]["id"]
        await journey.log_contains(target, b"I hold ********")
    await first.kill()
    second = restarted(first, NEW, OLD)
    try:
        await second.start()
        async with second.client() as client:
            journey = Journey(client)
            cut = keys(second, "rotate", NEW, OLD)
            assert cut.stdout is not None
            await asyncio.to_thread(cut.stdout.readline)
            cut.kill()
            await said(cut)
            during, (code, output) = await asyncio.gather(
                journey.run(short), said(keys(second, "rotate", NEW, OLD))
            )
            assert (during["state"], code) == ("succeeded", 0), output
            checked = await said(keys(second, "check", NEW, OLD))
            assert (checked[0], "Everything opens with the first key." in checked[1]) == (0, True), checked
    finally:
        await second.kill()
    third = restarted(first, NEW)
    try:
        await third.start()
        async with third.client() as client:
            journey = Journey(client)
            assert (await journey.run(short))["state"] == "succeeded"
            stop.touch()
            ended = await journey.ended(running["id"])
            log = await journey.log(target)
            assert (ended["state"], SECRET.encode() in log) == ("succeeded", False)
            assert log.endswith(f"last {len(SECRET)}\n".encode())
            assert set(log.splitlines()[:-1]) == {b"I hold ********"}
    finally:
        third.stop()
