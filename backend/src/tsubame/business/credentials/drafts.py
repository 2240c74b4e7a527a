"""受け取った認証情報の検査。"""

import asyncio
from dataclasses import dataclass

from tsubame.business.credentials.entities import (
    CredentialKind,
    KeyLogin,
    Login,
    PasswordLogin,
    PublicKey,
)
from tsubame.business.credentials.errors import PrivateKeyError
from tsubame.business.credentials.ports import SshKeys
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.validation import FieldErrors, checked_line


@dataclass(frozen=True, slots=True)
class CredentialDraft:
    """受け取ったまま。秘密の項目は、種別に合うものだけを渡す(空文字は無いのと同じ)。"""

    name: str
    kind: CredentialKind
    private_key: Secret | None = None
    passphrase: Secret | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class CheckedSecret:
    """使えることを確かめた秘密と、見せてよい半分。"""

    login: Login
    public_key: PublicKey | None

    @property
    def has_passphrase(self) -> bool:
        return isinstance(self.login, KeyLogin) and self.login.passphrase is not None


def checked_draft(draft: CredentialDraft, *, secret_required: bool) -> CredentialDraft:
    """名前と、種別に合う項目がそろうことを確かめ、空文字を ``None`` に直す。

    Raises: InvalidInputError。
    """
    errors = FieldErrors()
    given = {
        "private_key": _given(draft.private_key),
        "passphrase": _given(draft.passphrase),
        "password": _given(draft.password),
    }
    is_key = draft.kind is CredentialKind.SSH_KEY
    for field in ("password",) if is_key else ("private_key", "passphrase"):
        if given[field] is not None:
            errors.add(field, "not_for_this_kind", f"A credential of the kind {draft.kind} has no {field}.")
    needed = "private_key" if is_key else "password"
    if secret_required and given[needed] is None:
        errors.add(needed, "required", "This must not be empty.")
    for field, secret in given.items():
        if secret is not None and "\0" in secret.reveal():
            errors.add(field, "nul_character", "This must not contain NUL characters.")
    name = checked_line("name", draft.name, errors)
    errors.raise_if_any()
    return CredentialDraft(name, draft.kind, given["private_key"], given["passphrase"], given["password"])


async def checked_secret(keys: SshKeys, login: Login, comment: str) -> CheckedSecret:
    """鍵なら読めることを確かめ、公開鍵を添える。

    Raises: InvalidInputError。
    """
    if isinstance(login, PasswordLogin):
        return CheckedSecret(login, None)
    key = KeyLogin(_with_unix_newlines(login.private_key), login.passphrase)
    try:
        # 合言葉つきの鍵は、読むだけで数百ミリ秒の計算になる
        public = await asyncio.to_thread(keys.read_private, key.private_key, key.passphrase, comment)
    except PrivateKeyError as exc:
        field = "passphrase" if exc.code.startswith("passphrase_") else "private_key"
        raise InvalidInputError.one(field, exc.code, exc.message) from exc
    return CheckedSecret(key, public)


def _given(secret: Secret | None) -> Secret | None:
    return secret if secret is not None and secret.reveal() else None


def _with_unix_newlines(private_key: Secret) -> Secret:
    # Windows から貼られた鍵。OpenSSH は末尾の改行も要る
    text = private_key.reveal().replace("\r\n", "\n").replace("\r", "\n").strip()
    return Secret(text + "\n")
