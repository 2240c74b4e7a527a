"""認証情報の道。"""

import subprocess
from pathlib import Path

import asyncssh
import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from harness.api import Api, created, field_codes, found, problem
from harness.factories import credential_body, new_credential, new_server
from tsubame.business.credentials.documents import open_sealed
from tsubame.business.credentials.entities import KeyLogin, Login, PasswordLogin
from tsubame.business.shared.ids import CredentialId
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.credentials import credentials

KEY = asyncssh.generate_private_key("ssh-ed25519")
PRIVATE_KEY = KEY.export_private_key("openssh").decode()
LOCKED_KEY = KEY.export_private_key("openssh", passphrase="open sesame", rounds=64).decode()
SECRET_WORDS = ("p4ss", "open sesame", "BEGIN OPENSSH PRIVATE KEY")


async def stored_login(api: Api, credential_id: int) -> Login:
    """しまってある秘密を、金庫を開けて読む。"""
    async with api.transactions.begin() as tx:
        sealed = await tx.credentials.sealed_of(CredentialId(credential_id))
    return open_sealed(FernetVault(api.keys), CredentialId(credential_id), sealed.sealed)


def key_body(**changes: object) -> dict[str, object]:
    return {"name": "deploy key", "kind": "ssh_key", "private_key": PRIVATE_KEY} | changes


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
async def test_keys_of_ssh_keygen(admin: httpx.AsyncClient, tmp_path: Path, kind: str, form: str) -> None:
    """ssh-keygen の作る鍵は、種別も形もそのまま受け、公開鍵と指紋を返す。秘密は返さない。"""
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", kind, "-m", form, "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    credential = created(await admin.post("/credentials", json=key_body(private_key=path.read_text())))
    algorithm, blob = path.with_suffix(".pub").read_text().split()[:2]
    assert credential["authorized_keys_line"] == f"{algorithm} {blob} deploy key"
    shown = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True).stdout
    assert credential["fingerprint"] == shown.split()[1]
    assert not any(word in str(credential) for word in SECRET_WORDS)


async def test_pasted_key_with_windows_newlines(api: Api, admin: httpx.AsyncClient) -> None:
    """CRLF で、前後に空白のある鍵も読め、OpenSSH がそのまま読める形でしまう。"""
    pasted = "  \r\n" + PRIVATE_KEY.strip().replace("\n", "\r\n")
    credential = created(await admin.post("/credentials", json=key_body(private_key=pasted)))
    assert await stored_login(api, credential["id"]) == KeyLogin(Secret(PRIVATE_KEY.strip() + "\n"), None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"private_key": "not a key"}, {"private_key": "key_unreadable"}),
        ({"private_key": "ssh-ed25519 AAAAC3 me"}, {"private_key": "key_is_public"}),
        ({"private_key": LOCKED_KEY}, {"passphrase": "passphrase_required"}),
        ({"private_key": LOCKED_KEY, "passphrase": "wrong"}, {"passphrase": "passphrase_wrong"}),
        ({"private_key": None}, {"private_key": "required"}),
        ({"private_key": ""}, {"private_key": "required"}),
        ({"password": "x"}, {"password": "not_for_this_kind"}),
        ({"kind": "password"}, {"private_key": "not_for_this_kind", "password": "required"}),
        ({"private_key": PRIVATE_KEY, "passphrase": "a\0b"}, {"passphrase": "nul_character"}),
        ({"name": "  "}, {"name": "required"}),
        ({"name": "a\nb"}, {"name": "control_character"}),
        ({"kind": "token"}, {"kind": "enum"}),
        ({"nmae": "typo"}, {"nmae": "extra_forbidden"}),
    ],
)
async def test_bad_input_names_the_field(
    admin: httpx.AsyncClient, changes: dict[str, object], expected: dict[str, str]
) -> None:
    """使えない入力は、どの欄がなぜいけないかを code で返し、送られた秘密は返さない。"""
    answer = await admin.post("/credentials", json=key_body(**changes))
    assert field_codes(answer) == expected
    assert not any(word in answer.text for word in SECRET_WORDS)


async def test_passphrase_is_kept_and_shown_as_a_fact(api: Api, admin: httpx.AsyncClient) -> None:
    """合言葉つきの鍵は、合言葉があることだけを返す。"""
    body = key_body(private_key=LOCKED_KEY, passphrase="open sesame")
    credential = created(await admin.post("/credentials", json=body))
    assert credential["has_passphrase"] is True
    login = await stored_login(api, credential["id"])
    assert isinstance(login, KeyLogin)
    assert login.passphrase == Secret("open sesame")


async def test_generate_makes_a_working_pair(api: Api, admin: httpx.AsyncClient) -> None:
    """作らせた Ed25519 の鍵は、しまった秘密鍵と見せた公開鍵が対になっている。"""
    credential = created(await admin.post("/credentials/generate", json={"name": "made here"}))
    assert (credential["kind"], credential["algorithm"]) == ("ssh_key", "ssh-ed25519")
    login = await stored_login(api, credential["id"])
    assert isinstance(login, KeyLogin)
    public = asyncssh.import_private_key(login.private_key.reveal()).export_public_key("openssh").decode()
    assert credential["authorized_keys_line"] == f"{' '.join(public.split()[:2])} made here"


async def test_update_without_secret_keeps_it(api: Api, admin: httpx.AsyncClient) -> None:
    """秘密の項目を省いて保存すると名前だけが変わり、秘密は今のまま。版は一つ進む。"""
    credential = await new_credential(admin)
    path = f"/credentials/{credential['id']}"
    answer = await admin.put(path, json={"name": "renamed", "kind": "password"})
    assert (found(answer)["name"], found(answer)["version"]) == ("renamed", 2)
    assert answer.headers["etag"] == '"2"'
    assert await stored_login(api, credential["id"]) == PasswordLogin(Secret("p4ss"))


async def test_update_replaces_only_the_passphrase(api: Api, admin: httpx.AsyncClient) -> None:
    """合言葉だけを送ると、今の鍵をその合言葉で開けるか確かめて、入れ替える。"""
    body = key_body(private_key=LOCKED_KEY, passphrase="open sesame")
    path = f"/credentials/{created(await admin.post('/credentials', json=body))['id']}"
    change = {"name": "deploy key", "kind": "ssh_key"}
    assert field_codes(await admin.put(path, json={**change, "passphrase": "no"})) == {
        "passphrase": "passphrase_wrong"
    }
    assert found(await admin.put(path, json={**change, "passphrase": "open sesame"}))["has_passphrase"]


async def test_changing_the_kind_needs_a_new_secret(api: Api, admin: httpx.AsyncClient) -> None:
    """種別を変えるには新しい秘密が要り、変えると前の公開鍵は消える。"""
    path = f"/credentials/{created(await admin.post('/credentials', json=key_body()))['id']}"
    refused = await admin.put(path, json={"name": "x", "kind": "password"})
    assert field_codes(refused) == {"password": "required"}
    changed = found(await admin.put(path, json=credential_body()))
    assert (changed["kind"], changed["fingerprint"], changed["authorized_keys_line"]) == (
        "password",
        None,
        None,
    )


async def test_edit_conflict(admin: httpx.AsyncClient) -> None:
    """読んだあとにほかの人が変えていたら、If-Match で断る。"""
    path = f"/credentials/{(await new_credential(admin))['id']}"
    read = await admin.get(path)
    headers = {"If-Match": read.headers["etag"]}
    found(await admin.put(path, json={"name": "first", "kind": "password"}, headers=headers))
    late = await admin.put(path, json={"name": "second", "kind": "password"}, headers=headers)
    assert problem(late, 412)["code"] == "version_conflict"
    assert found(await admin.get(path))["name"] == "first"
    broken = await admin.put(path, json={"name": "third", "kind": "password"}, headers={"If-Match": "three"})
    assert field_codes(broken) == {"if-match": "invalid_etag"}


async def test_name_is_unique(admin: httpx.AsyncClient) -> None:
    """同じ名前は、作るときも変えるときも断る。"""
    await new_credential(admin)
    other = await new_credential(admin, name="other")
    taken = problem(await admin.post("/credentials", json=credential_body()), 409)
    assert (taken["code"], taken["params"]) == ("name_taken", {"name": "deploy"})
    renamed = await admin.put(f"/credentials/{other['id']}", json={"name": "deploy", "kind": "password"})
    assert problem(renamed, 409)["code"] == "name_taken"


async def test_delete_names_the_servers_that_use_it(admin: httpx.AsyncClient) -> None:
    """使っているサーバがあれば、その名前を挙げて断る。外せば消せる。"""
    credential = await new_credential(admin)
    path = f"/credentials/{credential['id']}"
    server = await new_server(admin, name="web1", credential_id=credential["id"])
    await new_server(admin, name="web2", credential_id=credential["id"])
    assert found(await admin.get(path))["server_count"] == 2
    refused = problem(await admin.delete(path), 409)
    assert (refused["code"], refused["params"]) == (
        "credential_in_use",
        {"servers": "web1, web2", "count": 2},
    )
    assert (await admin.delete(f"/servers/{server['id']}")).status_code == 204
    assert problem(await admin.delete(path), 409)["params"]["servers"] == "web2"


async def test_delete_and_missing(admin: httpx.AsyncClient) -> None:
    """消したものは、読むことも、直すことも、もう一度消すこともできない。"""
    path = f"/credentials/{(await new_credential(admin))['id']}"
    assert (await admin.delete(path)).status_code == 204
    for answer in (
        await admin.get(path),
        await admin.delete(path),
        await admin.put(path, json=credential_body()),
    ):
        assert problem(answer, 404)["code"] == "credential_not_found"


async def test_list_pages_by_name(admin: httpx.AsyncClient) -> None:
    """一覧は名前の順(大文字小文字を区別しない)で、続きを最後まで、重なりなくたどれる。"""
    names = ["beta", "Alpha", "gamma", "ALPHA2", "日本"]
    for name in names:
        await new_credential(admin, name=name)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        page = found(await admin.get("/credentials", params=query))
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["Alpha", "ALPHA2", "beta", "gamma", "日本"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("PROD", ["prod_a"]),
        ("%", ["100%"]),
        ("_", ["prod_a"]),
        ("\\", ["back\\slash"]),
        ("\0", []),
        ("no", []),
    ],
)
async def test_search_takes_every_character_literally(
    admin: httpx.AsyncClient, query: str, expected: list[str]
) -> None:
    """検索の文字は、LIKE の記号も NUL も、打ったとおりに探す。"""
    for name in ("prod_a", "100%", "back\\slash"):
        await new_credential(admin, name=name)
    page = found(await admin.get("/credentials", params={"q": query}))
    assert [item["name"] for item in page["items"]] == expected


@pytest.mark.parametrize(
    "cursor",
    ["!!", "WzFd", "WyJhIiwgImIiXQ", "WyJcdTAwMDAiLCAxXQ", "WyJhIiwgOTk5OTk5OTk5OTk5OTk5OTk5OTld", "あ"],
)
async def test_forged_cursors(admin: httpx.AsyncClient, cursor: str) -> None:
    """作りものの続きの印は、内側の失敗にせず、入力の誤りとして断る。"""
    refused = await admin.get("/credentials", params={"cursor": cursor})
    assert field_codes(refused) == {"cursor": "invalid_cursor"}


@pytest.mark.parametrize("limit", ["0", "201", "x"])
async def test_page_size_is_limited(admin: httpx.AsyncClient, limit: str) -> None:
    """一頁の行の数は 1 から 200 まで。"""
    assert set(field_codes(await admin.get("/credentials", params={"limit": limit}))) == {"limit"}


async def test_ciphertext_is_bound_to_its_row(api: Api, admin: httpx.AsyncClient) -> None:
    """ほかの行から写した暗号文は開かず、接続試験が「認証情報を使えない」と言う。"""
    stolen, victim = await new_credential(admin), await new_credential(admin, name="victim")
    server = await new_server(admin, credential_id=victim["id"])
    async with api.transactions.begin() as tx:
        source = select(credentials.c.sealed).where(credentials.c.id == stolen["id"]).scalar_subquery()
        statement = update(credentials).where(credentials.c.id == victim["id"]).values(sealed=source)
        await tx.connection.execute(statement)
    answer = found(await admin.post(f"/servers/{server['id']}/test"))
    assert (answer["ok"], answer["reason"]) == (False, "credential_unusable")


async def test_lost_encryption_key_asks_for_the_secret_again(api: Api, admin: httpx.AsyncClient) -> None:
    """暗号の鍵を失っても名前は直せ、秘密を入れ直せば使える。"""
    path = f"/credentials/{created(await admin.post('/credentials', json=key_body()))['id']}"
    async with api.transactions.begin() as tx:
        sealed = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
        await tx.connection.execute(update(credentials).values(sealed=sealed))
    change = {"name": "deploy key", "kind": "ssh_key"}
    found(await admin.put(path, json=change))
    refused = await admin.put(path, json={**change, "passphrase": "x"})
    assert field_codes(refused) == {"private_key": "secret_unreadable"}
    found(await admin.put(path, json=key_body()))


async def test_every_change_is_audited_without_secrets(api: Api, admin: httpx.AsyncClient) -> None:
    """作る・直す・消すは監査記録に残り、秘密は残らない。"""
    path = f"/credentials/{(await new_credential(admin))['id']}"
    await admin.put(path, json=credential_body(password="p4ss2"))
    await admin.delete(path)
    async with api.transactions.begin() as tx:
        rows = (await tx.connection.execute(select(audit_events).order_by(audit_events.c.id))).all()
    actions = [row.action for row in rows]
    assert actions == ["credential.created", "credential.updated", "credential.deleted"]
    assert all(row.actor_name == "admin-user" for row in rows)
    assert not any("p4ss" in str(row) for row in rows)


async def test_operator_reads_but_does_not_write(api: Api) -> None:
    """運用者は認証情報の一覧を読めるが、作れない。"""
    async with api.client(Role.OPERATOR) as client:
        found(await client.get("/credentials"))
        refused = problem(await client.post("/credentials", json=credential_body()), 403)
        assert refused["params"]["needed"] == "admin"
