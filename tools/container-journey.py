"""立ち上がった compose の中で、本物の sshd へ SSH してスクリプトを動かす(tools/containers.sh が呼ぶ)。

この機械に sshd を立て、コンテナの中のワーカーから動かし、ログと終了コードを確かめる。
使い方: container-journey.py URL USERNAME PASSWORD
"""

import asyncio
import socket
import sys
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "backend" / "tests"))

from harness.journey import Journey
from harness.sshd import ME, SshdOptions, start_sshd

WORKERS = 3
SCRIPT = "for n in 1 2 3; do echo line $n; done; exit 7"


def addresses() -> list[str]:
    """この機械の、コンテナから届くかもしれない住所。"""
    return [
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]


async def main(url: str, username: str, password: str) -> None:
    sshd = await start_sshd(SshdOptions(listen=tuple(addresses())))
    try:
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client:
            login = await client.post("/auth/login", json={"username": username, "password": password})
            client.headers["Authorization"] = f"Bearer {login.raise_for_status().json()['access_token']}"
            journey = Journey(client)
            server = await reachable_server(journey, sshd.port)
            job = await journey.add_job(SCRIPT, [server])
            ended = await asyncio.gather(*(journey.run(job) for _ in range(WORKERS * 2)))
            for execution in ended:
                (target,) = execution["targets"]
                log = await journey.log(target["id"])
                if (target["exit_code"], log) != (7, b"line 1\nline 2\nline 3\n"):
                    raise SystemExit(f"a script in the containers went wrong: {target} {log!r}")
        sys.stdout.write(f"tsubame: {len(ended)} scripts ran over SSH from inside the containers\n")
    finally:
        await sshd.stop()


async def reachable_server(journey: Journey, port: int) -> int:
    """コンテナの中から届いた最初の住所で、サーバを登録する。"""
    credential = await journey.add_key()
    for address in addresses():
        body = {"name": address, "host": address, "port": port, "username": ME, "credential_id": credential}
        server = await journey.call("POST", "/servers", status=201, tags=[], **body)
        scanned = await journey.client.post(f"/servers/{server['id']}/host-key/scan")
        if scanned.is_success:
            fingerprint = scanned.json()["fingerprint"]
            await journey.call("POST", f"/servers/{server['id']}/host-key/approve", fingerprint=fingerprint)
            return int(server["id"])
    raise SystemExit(f"the containers reach none of {addresses()}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
