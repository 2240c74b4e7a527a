"""しまう中身と、その置き場所。暗号文は置き場所に結びつき、よその行へ写すと開かない。"""

import json

from tsubame.business.credentials.entities import CredentialKind, KeyLogin, Login, PasswordLogin
from tsubame.business.shared.ids import CredentialId
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.vault import Place, Vault, VaultError


def seal(vault: Vault, credential_id: CredentialId, login: Login) -> str:
    return vault.seal(json.dumps(_document(login)).encode(), _place(credential_id))


def open_sealed(vault: Vault, credential_id: CredentialId, sealed: str) -> Login:
    """``seal`` の逆。

    Raises: VaultError。
    """
    document = json.loads(vault.open(sealed, _place(credential_id)))
    match document:
        case {"kind": CredentialKind.SSH_KEY.value, "private_key": str(key), "passphrase": passphrase}:
            return KeyLogin(Secret(key), Secret(passphrase) if isinstance(passphrase, str) else None)
        case {"kind": CredentialKind.PASSWORD.value, "password": str(password)}:
            return PasswordLogin(Secret(password))
        case _:
            raise VaultError("The stored document has an unknown shape.")


def _document(login: Login) -> dict[str, str | None]:
    if isinstance(login, PasswordLogin):
        return {"kind": CredentialKind.PASSWORD, "password": login.password.reveal()}
    return {
        "kind": CredentialKind.SSH_KEY,
        "private_key": login.private_key.reveal(),
        "passphrase": None if login.passphrase is None else login.passphrase.reveal(),
    }


def _place(credential_id: CredentialId) -> Place:
    return Place(table="credentials", column="sealed", row=credential_id)
