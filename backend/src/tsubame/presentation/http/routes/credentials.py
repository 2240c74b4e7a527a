from fastapi import APIRouter, Response
from pydantic import SecretStr

from tsubame.business.credentials.drafts import CredentialDraft
from tsubame.business.credentials.entities import Credential
from tsubame.business.credentials.ports import CredentialFilter
from tsubame.business.shared.ids import CredentialId, ProjectId
from tsubame.business.shared.paging import encode_cursor
from tsubame.business.shared.secret import Secret
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import (
    CurrentActor,
    EditionDep,
    PageDep,
    ServicesDep,
    mark_version,
    problems,
)
from tsubame.presentation.http.schemas.credentials import (
    CredentialCreate,
    CredentialInput,
    CredentialPage,
    CredentialRead,
    GenerateKeyInput,
)

router = APIRouter(prefix="/credentials", tags=["credentials"])


@router.get("", operation_id="listCredentials", responses=problems())
async def list_credentials(
    actor: CurrentActor,
    services: ServicesDep,
    page: PageDep,
    q: str = "",
    project_id: RowId | None = None,
) -> CredentialPage:
    where = CredentialFilter(query=q, project_id=None if project_id is None else ProjectId(project_id))
    found = await services.credentials.page(actor, where, page)
    items = [_read(credential) for credential in found.items]
    return CredentialPage(items=items, next_cursor=encode_cursor(found.next_after))


@router.post("", status_code=201, operation_id="createCredential", responses=problems())
async def create_credential(
    body: CredentialCreate, response: Response, actor: CurrentActor, services: ServicesDep
) -> CredentialRead:
    project_id = ProjectId(body.project_id)
    return _tagged(response, await services.credentials.create(actor, project_id, _draft(body)))


@router.post("/generate", status_code=201, operation_id="generateCredential", responses=problems())
async def generate_credential(
    body: GenerateKeyInput, response: Response, actor: CurrentActor, services: ServicesDep
) -> CredentialRead:
    project_id = ProjectId(body.project_id)
    return _tagged(response, await services.credentials.generate(actor, project_id, body.name))


@router.get("/{credential_id}", operation_id="getCredential", responses=problems())
async def get_credential(
    credential_id: RowId, response: Response, actor: CurrentActor, services: ServicesDep
) -> CredentialRead:
    return _tagged(response, await services.credentials.get(actor, CredentialId(credential_id)))


@router.put("/{credential_id}", operation_id="updateCredential", responses=problems())
async def update_credential(
    credential_id: RowId,
    body: CredentialInput,
    edition: EditionDep,
    actor: CurrentActor,
    services: ServicesDep,
) -> CredentialRead:
    changed = await services.credentials.update(
        actor, CredentialId(credential_id), _draft(body), edition.expected
    )
    edition.mark(changed.version)
    return _read(changed)


@router.delete("/{credential_id}", status_code=204, operation_id="deleteCredential", responses=problems())
async def delete_credential(credential_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.credentials.delete(actor, CredentialId(credential_id))


def _draft(body: CredentialInput) -> CredentialDraft:
    return CredentialDraft(
        name=body.name,
        kind=body.kind,
        private_key=_secret(body.private_key),
        passphrase=_secret(body.passphrase),
        password=_secret(body.password),
    )


def _secret(value: SecretStr | None) -> Secret | None:
    return None if value is None else Secret(value.get_secret_value())


def _tagged(response: Response, credential: Credential) -> CredentialRead:
    mark_version(response, credential.version)
    return _read(credential)


def _read(credential: Credential) -> CredentialRead:
    key = credential.public_key
    return CredentialRead(
        id=credential.id,
        project_id=credential.project_id,
        name=credential.name,
        kind=credential.kind,
        algorithm=None if key is None else key.algorithm,
        fingerprint=None if key is None else key.fingerprint,
        authorized_keys_line=None if key is None else key.line,
        has_passphrase=credential.has_passphrase,
        server_count=credential.server_count,
        created_at=credential.created_at,
        updated_at=credential.updated_at,
        version=credential.version,
    )
