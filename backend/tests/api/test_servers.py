"""サーバの道。"""

import asyncio

import httpx
import pytest
from sqlalchemy import select, update

from harness.api import Api, created, field_codes, found, problem
from harness.executions import place_execution
from harness.factories import new_credential, new_job, new_server, server_body
from tsubame.business.servers.entities import HostKey, ServerDisk
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.executions import targets

PINNED = HostKey(
    "ssh-ed25519",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
    "SHA256:pinned",
)


async def pin(api: Api, server_id: int, key: HostKey = PINNED) -> None:
    async with api.transactions.begin() as tx:
        await tx.servers.pin_host_key(ServerId(server_id), key)


async def test_create_and_read(admin: httpx.AsyncClient) -> None:
    """作ったサーバは、入れたとおりに読め、ホスト鍵はまだ承認されていない。"""
    credential = await new_credential(admin)
    body = server_body(
        credential["id"], tags=["prod", "env=web", "team:infra/db"], run_directory="/srv/run dir/日本"
    )
    answer = await admin.post("/servers", json=body)
    server = created(answer)
    assert answer.headers["etag"] == '"1"'
    assert {name: server[name] for name in body} == body
    assert (server["credential_name"], server["host_key_state"]) == ("deploy", "unknown")
    assert (server["host_key"], server["last_test_at"], server["last_test_reason"]) == (None, None, None)
    assert found(await admin.get(f"/servers/{server['id']}")) == server


@pytest.mark.parametrize(
    ("host", "stored"),
    [
        ("web1", "web1"),
        (" web1.example.com. ", "web1.example.com."),
        ("10.0.0.5", "10.0.0.5"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("under_score.local", "under_score.local"),
        ("例え.jp", "例え.jp"),
    ],
)
async def test_hosts_that_can_exist(admin: httpx.AsyncClient, host: str, stored: str) -> None:
    """名前・IPv4・IPv6(角かっこや範囲つきも)・日本語の名前を受ける。"""
    assert (await new_server(admin, host=host))["host"] == stored


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"host": "a b"}, {"host": "host_invalid"}),
        ({"host": "-oProxyCommand=x"}, {"host": "host_invalid"}),
        ({"host": "user@web1"}, {"host": "host_invalid"}),
        ({"host": "web1:22"}, {"host": "host_invalid"}),
        ({"host": "10.0.0.256"}, {"host": "host_invalid"}),
        ({"host": "fe80::1%\0"}, {"host": "host_invalid"}),
        ({"host": "ssh://web1"}, {"host": "host_invalid"}),
        ({"host": "  "}, {"host": "required"}),
        ({"username": "-x"}, {"username": "ssh_username_invalid"}),
        ({"username": "a b"}, {"username": "ssh_username_invalid"}),
        ({"username": "a\0"}, {"username": "ssh_username_invalid"}),
        ({"port": 0}, {"port": "greater_than_equal"}),
        ({"tags": ["ok", "no space allowed"]}, {"tags.1": "tag_invalid"}),
        ({"tags": ["name:web"]}, {"tags.0": "tag_invalid"}),
        ({"tags": ["a", "b", "a"]}, {"tags.2": "duplicate"}),
        ({"run_directory": "relative"}, {"run_directory": "run_directory_invalid"}),
        ({"run_directory": "/it's"}, {"run_directory": "run_directory_invalid"}),
        ({"description": "a\0"}, {"description": "nul_character"}),
        ({"name": " ", "host": ""}, {"host": "string_too_short"}),
        ({"name": " ", "host": "?"}, {"name": "required", "host": "host_invalid"}),
        ({"credential_id": 999}, {"credential_id": "credential_not_found"}),
        ({"credential_id": 2**70}, {"credential_id": "value_error"}),
    ],
)
async def test_bad_input_names_the_field(
    admin: httpx.AsyncClient, changes: dict[str, object], expected: dict[str, str]
) -> None:
    """使えない入力は、どの欄がなぜいけないかを、まとめて code で返す。"""
    credential = await new_credential(admin)
    answer = await admin.post("/servers", json=server_body(credential["id"]) | changes)
    assert field_codes(answer) == expected


@pytest.mark.parametrize("username", ["root", "deploy", "DOMAIN\\user", "user@corp.example", "利用者"])
async def test_usernames_of_real_servers(admin: httpx.AsyncClient, username: str) -> None:
    """Active Directory の名前なども、そのまま使える。"""
    assert (await new_server(admin, username=username))["username"] == username


async def test_list_filters(admin: httpx.AsyncClient) -> None:
    """名前・ホスト・説明の部分一致と、札(全部を持つもの)で絞れる。札の一覧も読める。"""
    await new_server(admin, name="web1", host="10.0.0.1", tags=["prod", "web"])
    await new_server(admin, name="db1", host="10.0.0.2", tags=["prod"], description="The WEB database")
    await new_server(admin, name="lab", host="lab.example")

    async def names(**query: str | list[str]) -> list[str]:
        page = found(await admin.get("/servers", params=query))
        return [item["name"] for item in page["items"]]

    assert await names() == ["db1", "lab", "web1"]
    assert await names(q="web") == ["db1", "web1"]
    assert await names(q="LAB.EX") == ["lab"]
    assert await names(tag=["prod", "web"]) == ["web1"]
    assert await names(tag=["absent\0"]) == []
    assert found(await admin.get("/servers/tags")) == {"tags": ["prod", "web"]}


async def test_edit_keeps_the_host_key_unless_the_address_changes(api: Api, admin: httpx.AsyncClient) -> None:
    """名前を変えても承認した鍵は残り、ホストかポートを変えると外れる。"""
    server = await new_server(admin)
    await pin(api, server["id"])
    path, body = f"/servers/{server['id']}", server_body(server["credential_id"])
    renamed = found(await admin.put(path, json={**body, "name": "renamed"}))
    assert (renamed["host_key_state"], renamed["version"]) == ("pinned", 2)
    assert renamed["host_key"]["art"].count("\n") == 10
    moved = found(await admin.put(path, json={**body, "port": 2222}))
    assert (moved["host_key_state"], moved["host_key"]) == ("unknown", None)


async def test_edit_conflict(admin: httpx.AsyncClient) -> None:
    """読んだあとにほかの人が変えていたら、If-Match で断り、If-Match がなければ保存する。"""
    server = await new_server(admin)
    path, body = f"/servers/{server['id']}", server_body(server["credential_id"])
    found(await admin.put(path, json=body, headers={"If-Match": '"1"'}))
    late = await admin.put(path, json=body, headers={"If-Match": 'W/"1"'})
    assert problem(late, 412)["code"] == "version_conflict"
    assert found(await admin.put(path, json=body))["version"] == 3
    assert found(await admin.put(path, json=body, headers={"If-Match": "*"}))["version"] == 4


async def test_names_are_unique(admin: httpx.AsyncClient) -> None:
    """同じ名前は断る。"""
    server = await new_server(admin)
    answer = await admin.post("/servers", json=server_body(server["credential_id"]))
    assert problem(answer, 409)["code"] == "name_taken"


async def test_delete_names_the_jobs_that_use_it(admin: httpx.AsyncClient) -> None:
    """使っているジョブがあれば名前を挙げて断り、ジョブから外せば消せる。"""
    server = await new_server(admin)
    job = await new_job(admin, server["id"])
    path = f"/servers/{server['id']}"
    refused = problem(await admin.delete(path), 409)
    assert (refused["code"], refused["params"]) == ("server_in_use", {"jobs": "hello", "count": 1})
    assert (await admin.delete(f"/jobs/{job['id']}")).status_code == 204
    assert (await admin.delete(path)).status_code == 204
    assert problem(await admin.get(path), 404)["code"] == "server_not_found"


async def test_delete_waits_for_unfinished_runs(api: Api, admin: httpx.AsyncClient) -> None:
    """終わっていない実行のあるサーバは消せず、終われば消せて、履歴に名前が残る。"""
    placed = await place_execution(api.transactions)
    async with api.transactions.begin() as tx:
        target = await tx.targets.get(placed.targets[0])
    path = f"/servers/{target.server_id}"
    assert problem(await admin.delete(path), 409)["code"] == "server_has_unfinished_runs"
    async with api.transactions.begin() as tx:
        await tx.connection.execute(update(targets).values(state="succeeded"))
    assert (await admin.delete(path)).status_code == 204
    async with api.transactions.begin() as tx:
        left = await tx.targets.get(placed.targets[0])
    assert (left.server_id, left.server_name) == (None, target.server_name)


async def test_changes_are_audited(api: Api, admin: httpx.AsyncClient) -> None:
    """直した項目の、前と後が監査記録に残る。"""
    server = await new_server(admin)
    body = server_body(server["credential_id"], port=2222, tags=["x"])
    found(await admin.put(f"/servers/{server['id']}", json=body))
    async with api.transactions.begin() as tx:
        query = select(audit_events.c.details).where(audit_events.c.action == "server.updated")
        details = (await tx.connection.execute(query)).scalar_one()
    assert details == {"changes": {"port": {"from": 22, "to": 2222}, "tags": {"from": [], "to": ["x"]}}}


async def test_connection_settings(admin: httpx.AsyncClient) -> None:
    """踏み台・sudo・細かな設定・同時に動かす数は、入れたとおりに読め、省けば既定になる。"""
    plain = await new_server(admin, name="plain")
    assert (plain["jump_server_id"], plain["jump_path"], plain["sudo_user"]) == (None, [], None)
    assert (plain["sudo_credential_id"], plain["sudo_credential_name"], plain["max_parallel"]) == (None,) * 3
    options = {"compression": False, "legacy_algorithms": False, "connect_timeout_s": 10, "keepalive_s": 7}
    assert plain["ssh_options"] == options
    password = await new_credential(admin, name="sudo password")
    chosen = {"compression": True, "legacy_algorithms": True, "connect_timeout_s": 60, "keepalive_s": 3}
    server = await new_server(
        admin,
        name="inner",
        jump_server_id=plain["id"],
        sudo_user=" app ",
        sudo_credential_id=password["id"],
        ssh_options=chosen,
        max_parallel=2,
    )
    assert found(await admin.get(f"/servers/{server['id']}")) == server
    assert server["jump_path"] == [{"id": plain["id"], "name": "plain"}]
    assert (server["sudo_user"], server["sudo_credential_name"]) == ("app", "sudo password")
    assert (server["ssh_options"], server["max_parallel"]) == (chosen, 2)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sudo_user": "-u"}, {"sudo_user": "sudo_user_invalid"}),
        ({"sudo_user": "#0"}, {"sudo_user": "sudo_user_invalid"}),
        ({"sudo_user": "a'b"}, {"sudo_user": "sudo_user_invalid"}),
        ({"sudo_user": "a!b"}, {"sudo_user": "sudo_user_invalid"}),
        ({"sudo_user": "a\nb"}, {"sudo_user": "sudo_user_invalid"}),
        ({"sudo_user": "app", "sudo_credential_id": 999}, {"sudo_credential_id": "credential_not_found"}),
        ({"jump_server_id": 999}, {"jump_server_id": "server_not_found"}),
        ({"max_parallel": 0}, {"max_parallel": "greater_than_equal"}),
        ({"ssh_options": {"keepalive_s": 0}}, {"ssh_options.keepalive_s": "greater_than_equal"}),
        ({"ssh_options": {"connect_timeout_s": 999}}, {"ssh_options.connect_timeout_s": "less_than_equal"}),
        ({"ssh_options": {"ForwardAgent": True}}, {"ssh_options.ForwardAgent": "extra_forbidden"}),
    ],
)
async def test_bad_connection_settings(
    admin: httpx.AsyncClient, changes: dict[str, object], expected: dict[str, str]
) -> None:
    """使えない設定は、どの欄がなぜいけないかを code で返す。"""
    credential = await new_credential(admin)
    answer = await admin.post("/servers", json=server_body(credential["id"]) | changes)
    assert field_codes(answer) == expected


async def test_sudo_needs_a_password_and_a_user(admin: httpx.AsyncClient) -> None:
    """sudo の認証情報は、パスワードで、替わる利用者があるときだけ選べる。"""
    key = created(await admin.post("/credentials/generate", json={"name": "key"}))
    password = await new_credential(admin)
    body = server_body(password["id"], sudo_user="app", sudo_credential_id=key["id"])
    answer = await admin.post("/servers", json=body)
    assert field_codes(answer) == {"sudo_credential_id": "credential_not_password"}
    answer = await admin.post("/servers", json=body | {"sudo_user": None})
    assert field_codes(answer) == {"sudo_user": "required"}


async def test_sudo_password_in_use_is_kept(admin: httpx.AsyncClient) -> None:
    """sudo だけに使っているパスワードも、消せないし、使っている台数に入る。"""
    password = await new_credential(admin, name="sudo password")
    await new_server(admin, name="app1", sudo_user="app", sudo_credential_id=password["id"])
    assert found(await admin.get(f"/credentials/{password['id']}"))["server_count"] == 1
    refused = problem(await admin.delete(f"/credentials/{password['id']}"), 409)
    assert (refused["code"], refused["params"]["servers"]) == ("credential_in_use", "app1")


async def chain_of(admin: httpx.AsyncClient, count: int) -> list[dict[str, object]]:
    """``count`` 台が一列に並ぶ。最後が、いちばん奥。"""
    credential = await new_credential(admin)
    chain: list[dict[str, object]] = []
    for number in range(count):
        jump = chain[-1]["id"] if chain else None
        server = await new_server(
            admin, name=f"s{number}", credential_id=credential["id"], jump_server_id=jump
        )
        chain.append(server)
    return chain


async def put_jump(
    admin: httpx.AsyncClient, server: dict[str, object], jump: dict[str, object] | None
) -> httpx.Response:
    body = server_body(int(str(server["credential_id"])), name=server["name"])
    return await admin.put(
        f"/servers/{server['id']}", json=body | {"jump_server_id": None if jump is None else jump["id"]}
    )


async def test_jumps_may_not_go_round(admin: httpx.AsyncClient) -> None:
    """踏み台が輪になる直し方は、輪の名前を挙げて断る。自分自身も同じ。"""
    first, second, third = await chain_of(admin, 3)
    refused = problem(await put_jump(admin, first, third), 409)
    assert (refused["code"], refused["params"]["path"]) == ("jump_loop", "s0 → s1 → s2 → s0")
    refused = problem(await put_jump(admin, second, second), 409)
    assert (refused["code"], refused["params"]["path"]) == ("jump_loop", "s1 → s1")
    assert found(await put_jump(admin, third, first))["jump_path"] == [{"id": first["id"], "name": "s0"}]


async def test_two_edits_cannot_make_a_loop(admin: httpx.AsyncClient) -> None:
    """二人が同時に互いを踏み台にしても、通るのは一人だけ。"""
    credential = await new_credential(admin)
    one, two = [await new_server(admin, name=name, credential_id=credential["id"]) for name in ("one", "two")]
    answers = await asyncio.gather(put_jump(admin, one, two), put_jump(admin, two, one))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_jumps_may_not_be_too_many(admin: httpx.AsyncClient) -> None:
    """踏み台は八段まで。奥のサーバの分も数えて断る。"""
    *_, before, last = chain = await chain_of(admin, 9)
    path = found(await admin.get(f"/servers/{last['id']}"))["jump_path"]
    assert [jump["name"] for jump in path] == [f"s{number}" for number in range(8)]
    body = server_body(int(str(last["credential_id"])), name="ninth", jump_server_id=last["id"])
    refused = problem(await admin.post("/servers", json=body), 409)
    assert (refused["code"], refused["params"]) == ("jump_too_deep", {"depth": 9, "limit": 8})
    front = await new_server(admin, name="front", credential_id=before["credential_id"])
    refused = problem(await put_jump(admin, chain[0], front), 409)
    assert refused["code"] == "jump_too_deep"


async def test_jump_in_use_is_kept(admin: httpx.AsyncClient) -> None:
    """踏み台として使われているサーバは消せず、使っているサーバの名前が分かる。"""
    first, second, _ = await chain_of(admin, 3)
    refused = problem(await admin.delete(f"/servers/{first['id']}"), 409)
    assert (refused["code"], refused["params"]) == ("server_is_jump", {"servers": "s1", "count": 1})
    found(await put_jump(admin, second, None))
    assert (await admin.delete(f"/servers/{first['id']}")).status_code == 204


async def test_list_by_the_size_of_run_files(api: Api, admin: httpx.AsyncClient) -> None:
    """実行のファイルの大きい順に、頁をまたいで一台も抜けず、まだ見ていないサーバは最後に並ぶ。"""
    credential = await new_credential(admin)
    ids = [
        (await new_server(admin, name=name, credential_id=credential["id"]))["id"]
        for name in ("small", "never", "large", "same")
    ]
    async with api.transactions.begin() as tx:
        for index, used in ((0, 10), (2, 3_000_000_000), (3, 10)):
            disk = ServerDisk(used, 0, 4, 100, api.clock.now())
            await tx.server_disk.record(ServerId(ids[index]), disk)
    names: list[str] = []
    path: str | None = "/servers?sort=run_files&limit=1"
    while path is not None:
        page = found(await admin.get(path))
        names += [server["name"] for server in page["items"]]
        cursor = page["next_cursor"]
        path = None if cursor is None else f"/servers?sort=run_files&limit=1&cursor={cursor}"
    assert names == ["large", "same", "small", "never"]
    foreign = found(await admin.get("/servers", params={"limit": 1}))["next_cursor"]
    refused = await admin.get("/servers", params={"sort": "run_files", "cursor": foreign})
    assert field_codes(refused) == {"cursor": "invalid_cursor"}


@pytest.mark.parametrize(
    ("free", "total", "low"), [(4, 100, True), (5, 100, False), (0, 100, True), (None, None, False)]
)
async def test_low_space(
    api: Api, admin: httpx.AsyncClient, free: int | None, total: int | None, *, low: bool
) -> None:
    """空きが 5 % を切ると、少ないと言う。空きが分からなければ、言わない。"""
    server = await new_server(admin)
    async with api.transactions.begin() as tx:
        disk = ServerDisk(1, 0, free, total, api.clock.now())
        await tx.server_disk.record(ServerId(server["id"]), disk)
    read = found(await admin.get(f"/servers/{server['id']}"))["disk"]
    assert (read["free_bytes"], read["low_space"]) == (free, low)
