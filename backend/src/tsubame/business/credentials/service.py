"""認証情報の用件。"""

from dataclasses import replace

from tsubame.business.audit.changes import CHANGED, changes
from tsubame.business.audit.entities import AuditEvent
from tsubame.business.credentials.documents import open_sealed, seal
from tsubame.business.credentials.drafts import CheckedSecret, CredentialDraft, checked_draft, checked_secret
from tsubame.business.credentials.entities import (
    Credential,
    CredentialKind,
    KeyLogin,
    Login,
    PasswordLogin,
)
from tsubame.business.credentials.ports import (
    CredentialFilter,
    CredentialRow,
    CredentialsTx,
    SealedCredential,
    SecretColumns,
    SshKeys,
)
from tsubame.business.projects.access import require_place
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import CredentialId, ProjectId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors, checked_line
from tsubame.business.shared.vault import Vault, VaultError


class CredentialService:
    def __init__(self, transactions: Transactions[CredentialsTx], vault: Vault, keys: SshKeys) -> None:
        self._transactions = transactions
        self._vault = vault
        self._keys = keys

    async def page(self, actor: Actor, where: CredentialFilter, request: PageRequest) -> Page[Credential]:
        reach = actor.reach(Permission.CREDENTIAL_READ)
        async with self._transactions.begin() as tx:
            return await tx.credentials.page(where, reach, request)

    async def get(self, actor: Actor, credential_id: CredentialId) -> Credential:
        """Raises: CredentialNotFoundError。"""
        reach = actor.reach(Permission.CREDENTIAL_READ)
        async with self._transactions.begin() as tx:
            return await tx.credentials.get(credential_id, reach)

    async def create(self, actor: Actor, project_id: ProjectId, draft: CredentialDraft) -> Credential:
        """Raises: ProjectNotFoundError, InvalidInputError, NameTakenError。"""
        require_place(actor, Permission.CREDENTIAL_WRITE, project_id)
        draft = checked_draft(draft, secret_required=True)
        login = _login_of(draft, None)
        secret = await checked_secret(self._keys, login, draft.name)
        return await self._add(actor, project_id, draft.name, secret)

    async def generate(self, actor: Actor, project_id: ProjectId, name: str) -> Credential:
        """Ed25519 の鍵の対を作る。秘密鍵はだれにも見せず、公開鍵の一行だけを返す。

        Raises: ProjectNotFoundError, InvalidInputError, NameTakenError。
        """
        require_place(actor, Permission.CREDENTIAL_WRITE, project_id)
        errors = FieldErrors()
        name = checked_line("name", name, errors)
        errors.raise_if_any()
        generated = self._keys.generate_ed25519(name)
        secret = CheckedSecret(KeyLogin(generated.private_key, None), generated.public_key)
        return await self._add(actor, project_id, name, secret)

    async def update(
        self, actor: Actor, credential_id: CredentialId, draft: CredentialDraft, expected_version: int | None
    ) -> Credential:
        """秘密の項目を省くと、今の値のまま。種別を変えるなら、新しい秘密が要る。

        Raises: InvalidInputError, NameTakenError, VersionConflictError, CredentialNotFoundError。
        """
        async with self._transactions.begin() as tx:
            await _get_to_write(tx, actor, credential_id)
            stored = await tx.credentials.sealed_of(credential_id)
        draft = checked_draft(draft, secret_required=stored.kind is not draft.kind)
        columns = await self._changed_secret(credential_id, draft, stored)
        async with self._transactions.begin() as tx:
            before = await tx.credentials.get(credential_id)
            await tx.credentials.replace(credential_id, draft.name, columns, expected_version)
            credential = await tx.credentials.get(credential_id)
            details: dict[str, object] = {
                "changes": _changes(before, credential, secret_changed=columns is not None)
            }
            await tx.audit.record(_event(actor, "credential.updated", credential, details))
            await tx.signals.send(SignalKind.CREDENTIAL, [credential_id])
        return credential

    async def delete(self, actor: Actor, credential_id: CredentialId) -> None:
        """Raises: CredentialInUseError, CredentialNotFoundError。"""
        async with self._transactions.begin() as tx:
            credential = await _get_to_write(tx, actor, credential_id)
            await tx.credentials.delete(credential_id)
            details: dict[str, object] = {"changes": changes(_recorded(credential), {})}
            await tx.audit.record(_event(actor, "credential.deleted", credential, details))
            await tx.signals.send(SignalKind.CREDENTIAL, [credential_id])

    async def _add(self, actor: Actor, project_id: ProjectId, name: str, secret: CheckedSecret) -> Credential:
        async with self._transactions.begin() as tx:
            credential_id = await tx.credentials.next_id()
            columns = self._columns(credential_id, secret)
            await tx.credentials.add(CredentialRow(credential_id, project_id, name, columns))
            credential = await tx.credentials.get(credential_id)
            details: dict[str, object] = {"changes": changes({}, _recorded(credential))}
            await tx.audit.record(_event(actor, "credential.created", credential, details))
            await tx.signals.send(SignalKind.CREDENTIAL, [credential_id])
        return credential

    async def _changed_secret(
        self, credential_id: CredentialId, draft: CredentialDraft, stored: SealedCredential
    ) -> SecretColumns | None:
        """新しい秘密の列。秘密の項目が一つもなければ ``None``(今のまま)。"""
        if draft.private_key is None and draft.passphrase is None and draft.password is None:
            return None
        current = None
        if draft.private_key is None and draft.password is None:
            try:
                current = open_sealed(self._vault, credential_id, stored.sealed)
            except VaultError as exc:
                raise InvalidInputError.one(
                    "private_key", "secret_unreadable", "The stored key cannot be opened. Enter it again."
                ) from exc
        secret = await checked_secret(self._keys, _login_of(draft, current), draft.name)
        return self._columns(credential_id, secret)

    def _columns(self, credential_id: CredentialId, secret: CheckedSecret) -> SecretColumns:
        is_key = isinstance(secret.login, KeyLogin)
        return SecretColumns(
            kind=CredentialKind.SSH_KEY if is_key else CredentialKind.PASSWORD,
            public_key=secret.public_key,
            has_passphrase=secret.has_passphrase,
            sealed=seal(self._vault, credential_id, secret.login),
        )


async def _get_to_write(tx: CredentialsTx, actor: Actor, credential_id: CredentialId) -> Credential:
    """Raises: CredentialNotFoundError, PermissionDeniedError。"""
    credential = await tx.credentials.get(credential_id, actor.sight)
    actor.require(Permission.CREDENTIAL_WRITE, credential.project_id)
    return credential


def _login_of(draft: CredentialDraft, current: Login | None) -> Login:
    """検査済みの ``draft`` から入り方を作る。``current`` は、合言葉だけを替えるときの今の鍵。"""
    if draft.password is not None:
        return PasswordLogin(draft.password)
    if draft.private_key is not None:
        return KeyLogin(draft.private_key, draft.passphrase)
    if isinstance(current, KeyLogin):
        return replace(current, passphrase=draft.passphrase)
    raise InvalidInputError.one("private_key", "required", "This must not be empty.")


def _changes(before: Credential, after: Credential, *, secret_changed: bool) -> dict[str, object]:
    """秘密の中身は、変わったことだけを残す。"""
    found = changes(_recorded(before), _recorded(after))
    return {**found, "secret": CHANGED} if secret_changed else found


def _recorded(credential: Credential) -> dict[str, object]:
    key = credential.public_key
    return {
        "name": credential.name,
        "kind": credential.kind,
        "public_key": None if key is None else key.fingerprint,
        "has_passphrase": credential.has_passphrase,
    }


def _event(actor: Actor, action: str, credential: Credential, details: dict[str, object]) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="credential",
        subject_id=credential.id,
        subject_name=credential.name,
        details=details,
        project_id=credential.project_id,
    )
