"""利用者の旅を、API で一歩ずつ進める道具。"""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from harness.sshd import PRIVATE_KEY, Sshd
from harness.waiting import eventually

LIVE = {"queued", "running", "paused"}


@dataclass
class Journey:
    """管理者の手元。"""

    client: httpx.AsyncClient

    async def call(self, method: str, path: str, *, status: int = 200, **body: Any) -> Any:
        answer = await self.client.request(method, path, json=body or None)
        assert answer.status_code == status, f"{method} {path} -> {answer.status_code}: {answer.text}"
        return answer.json() if answer.content else None

    async def add_key(self, private_key: str = PRIVATE_KEY) -> int:
        body = {"name": f"key-{secrets.token_hex(4)}", "kind": "ssh_key", "private_key": private_key}
        return int((await self.call("POST", "/credentials", status=201, **body))["id"])

    async def add_password(self, password: str) -> int:
        body = {"name": f"password-{secrets.token_hex(4)}", "kind": "password", "password": password}
        return int((await self.call("POST", "/credentials", status=201, **body))["id"])

    async def add_server(
        self, sshd: Sshd, user: str, *, name: str = "web1", approve: bool = True, **more: Any
    ) -> int:
        """サーバを足し、ホスト鍵を承認する。名前は、ほかの試験と重ならないようにする。"""
        port = more.pop("port", sshd.port)
        return await self.add_server_at(port, user, name=name, approve=approve, **more)

    async def add_server_at(
        self, port: int, user: str, *, name: str = "web1", approve: bool = True, **more: Any
    ) -> int:
        """その口で聞いているサーバを足す(間に中継を挟むとき)。"""
        body = {
            "name": f"{name}-{secrets.token_hex(4)}",
            "host": "127.0.0.1",
            "port": port,
            "username": user,
            "tags": ["test"],
            **more,
        }
        if "credential_id" not in body:
            body["credential_id"] = await self.add_key()
        server = await self.call("POST", "/servers", status=201, **body)
        if approve:
            scanned = await self.call("POST", f"/servers/{server['id']}/host-key/scan")
            await self.call(
                "POST", f"/servers/{server['id']}/host-key/approve", fingerprint=scanned["fingerprint"]
            )
        return int(server["id"])

    async def add_job(self, script: str, server_ids: list[int], **more: Any) -> int:
        name = more.pop("name", f"job-{secrets.token_hex(4)}")
        job = await self.call(
            "POST",
            "/jobs",
            status=201,
            name=name,
            kind="script",
            script=script,
            server_ids=server_ids,
            **more,
        )
        return int(job["id"])

    async def start(self, job_id: int) -> Any:
        return await self.call("POST", f"/jobs/{job_id}/executions", status=201)

    async def run(self, job_id: int, *, seconds: float = 60) -> Any:
        """動かし、終わるまで待って、実行を返す。"""
        execution = await self.start(job_id)
        return await self.ended(execution["id"], seconds=seconds)

    async def ended(self, execution_id: int, *, seconds: float = 60) -> Any:
        latest: dict[str, Any] = {}

        async def fact() -> bool:
            latest.update(await self.call("GET", f"/executions/{execution_id}"))
            return latest["state"] not in LIVE

        await eventually(fact, f"実行 {execution_id} が終わる", seconds)
        return latest

    async def log(self, target_id: int) -> bytes:
        answer = await self.client.get(f"/targets/{target_id}/log")
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.content

    async def log_contains(self, target_id: int, text: bytes) -> None:
        """その文が届くまで待つ。"""

        async def fact() -> bool:
            return text in await self.log(target_id)

        await eventually(fact, f"対象 {target_id} のログに {text!r} が届く")
