"""変えた記録には、前と後が残る。秘密は、変わったとだけ残る。"""

from typing import Any, Final

import pytest
from sqlalchemy import select

from harness.api import Api, created, found
from harness.factories import credential_body, job_body, new_credential, new_job, new_server, server_body
from harness.scenes import PASSWORD
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.audit import audit_events

SECRET: Final = "hunter2-hunter2"


def value(old: object, new: object) -> dict[str, object]:
    return {"from": old, "to": new}


async def change_job(api: Api, client: Any) -> None:
    server = await new_server(client)
    job = await new_job(client, server["id"], script="echo old\n")
    found(await client.put(f"/jobs/{job['id']}", json=job_body(server["id"], script="echo new\n")))


async def change_server(api: Api, client: Any) -> None:
    server = await new_server(client, port=2222)
    found(await client.put(f"/servers/{server['id']}", json=server_body(server["credential_id"], port=2223)))


async def change_credential(api: Api, client: Any) -> None:
    made = await new_credential(client)
    found(
        await client.put(
            f"/credentials/{made['id']}", json=credential_body(name=made["name"], password=SECRET)
        )
    )


async def change_secret(api: Api, client: Any) -> None:
    body = {"scope": "global", "name": "TOKEN", "kind": "secret", "value": "first-value"}
    made = created(await client.post("/variables", json=body))
    changed = {"name": "TOKEN", "kind": "secret", "value": SECRET}
    found(await client.put(f"/variables/{made['id']}", json=changed))


async def change_plain_variable(api: Api, client: Any) -> None:
    body = {"scope": "global", "name": "REGION", "kind": "plain", "value": "tokyo"}
    made = created(await client.post("/variables", json=body))
    found(
        await client.put(
            f"/variables/{made['id']}", json={"name": "REGION", "kind": "plain", "value": "osaka"}
        )
    )


async def change_role(api: Api, client: Any) -> None:
    user = await api.add_user(Role.VIEWER, "yuki")
    found(await client.put(f"/users/{user.id}/role", json={"role": "editor"}))


async def change_limit(api: Api, client: Any) -> None:
    found(await client.put("/limits", json={"max_parallel": 3}))
    found(await client.put("/limits", json={"max_parallel": 4}))


async def change_retention(api: Api, client: Any) -> None:
    found(await client.put("/audit/retention", json={"keep_days": 30}))
    found(await client.put("/audit/retention", json={"keep_days": 60}))


CHANGES: Final = {
    "job.updated": (change_job, {"script": value("echo old\n", "echo new\n")}),
    "server.updated": (change_server, {"port": value(2222, 2223)}),
    "credential.updated": (change_credential, {"secret": "changed"}),
    "variable.updated": (change_secret, {"value": "changed"}),
    "variable.updated (plain)": (change_plain_variable, {"value": value("tokyo", "osaka")}),
    "user.role_changed": (change_role, {"role": value("viewer", "editor")}),
    "limits.changed": (change_limit, {"max_parallel": value(3, 4)}),
    "audit.retention_changed": (change_retention, {"keep_days": value(30, 60)}),
}


@pytest.mark.parametrize("action", sorted(CHANGES))
async def test_change_tells_before_and_after(api: Api, action: str) -> None:
    """違う項目だけが前と後で残り、秘密の値はどこにも残らない。"""
    change, expected = CHANGES[action]
    async with api.client() as client:
        await change(api, client)
    async with api.transactions.look() as tx:
        rows = (await tx.connection.execute(select(audit_events).order_by(audit_events.c.id))).all()
    newest = [row for row in rows if row.action == action.partition(" ")[0]][-1]
    assert newest.details["changes"] == expected
    assert (newest.actor_name, newest.address) == ("admin-user", "127.0.0.1")
    told = " ".join(str(row._mapping) for row in rows)
    assert SECRET not in told
    assert PASSWORD not in told
