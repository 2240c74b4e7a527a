"""API へ送る中身の、ふつうの形。試験は、確かめたいところだけを変える。"""

from typing import Any

import httpx

from harness.api import created


def credential_body(**changes: Any) -> dict[str, Any]:
    return {"name": "deploy", "kind": "password", "password": "p4ss"} | changes


def server_body(credential_id: int, **changes: Any) -> dict[str, Any]:
    ordinary: dict[str, Any] = {
        "name": "web1",
        "host": "127.0.0.1",
        "port": 22,
        "username": "deploy",
        "tags": [],
    }
    return {**ordinary, "credential_id": credential_id, **changes}


def job_body(*server_ids: int, **changes: Any) -> dict[str, Any]:
    ordinary: dict[str, Any] = {
        "name": "hello",
        "kind": "script",
        "script": "echo hello\n",
        "env": {},
        "timeout_s": None,
    }
    return {**ordinary, "server_ids": list(server_ids), **changes}


async def new_credential(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    return created(await client.post("/credentials", json=credential_body(**changes)))


async def new_server(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """サーバを一つ。``credential_id`` を渡さなければ、それも作る。"""
    name = changes.get("name", "web1")
    if "credential_id" not in changes:
        changes["credential_id"] = (await new_credential(client, name=f"for {name}"))["id"]
    return created(await client.post("/servers", json=server_body(**changes)))


async def new_job(client: httpx.AsyncClient, *server_ids: int, **changes: Any) -> dict[str, Any]:
    return created(await client.post("/jobs", json=job_body(*server_ids, **changes)))
