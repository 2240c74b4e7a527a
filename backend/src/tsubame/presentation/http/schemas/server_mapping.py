"""サーバの実体と API の型の行き来。"""

from tsubame.business.servers.connection_test import ConnectionTest
from tsubame.business.servers.entities import HostKey, Server, SshOptions
from tsubame.business.servers.host_keys import HostKeyScan
from tsubame.business.servers.ports import ServerDraft
from tsubame.business.servers.randomart import randomart
from tsubame.business.shared.ids import CredentialId, ServerId
from tsubame.presentation.http.schemas.servers import (
    ConnectionTestRead,
    HostKeyRead,
    HostKeyScanRead,
    JumpServerRead,
    ServerDiskRead,
    ServerInput,
    ServerRead,
    SshOptionsRead,
    TestStepRead,
)


def server_draft(body: ServerInput) -> ServerDraft:
    return ServerDraft(
        name=body.name,
        description=body.description,
        host=body.host,
        port=body.port,
        username=body.username,
        credential_id=CredentialId(body.credential_id),
        tags=tuple(body.tags),
        run_directory=body.run_directory,
        jump_server_id=None if body.jump_server_id is None else ServerId(body.jump_server_id),
        sudo_user=body.sudo_user,
        sudo_credential_id=None if body.sudo_credential_id is None else CredentialId(body.sudo_credential_id),
        ssh_options=SshOptions(**body.ssh_options.model_dump()),
        max_parallel=body.max_parallel,
    )


def server_read(server: Server) -> ServerRead:
    return ServerRead(
        id=server.id,
        project_id=server.project_id,
        name=server.name,
        description=server.description,
        host=server.host,
        port=server.port,
        username=server.username,
        credential_id=server.credential_id,
        credential_name=server.credential_name,
        tags=list(server.tags),
        run_directory=server.run_directory,
        jump_server_id=server.jump_server_id,
        jump_path=[JumpServerRead.model_validate(jump) for jump in server.jump_path],
        sudo_user=server.sudo_user,
        sudo_credential_id=server.sudo_credential_id,
        sudo_credential_name=server.sudo_credential_name,
        ssh_options=SshOptionsRead.model_validate(server.ssh_options),
        max_parallel=server.max_parallel,
        host_key_state=server.host_key_state,
        host_key=_key(server.pinned_key),
        offered_host_key=_key(server.offered_key),
        last_test_at=server.last_test_at,
        last_test_reason=server.last_test_reason,
        disk=None if server.disk is None else ServerDiskRead.model_validate(server.disk),
        created_at=server.created_at,
        updated_at=server.updated_at,
        version=server.version,
    )


def scan_read(scan: HostKeyScan) -> HostKeyScanRead:
    return HostKeyScanRead(
        fingerprint=scan.key.fingerprint,
        algorithm=scan.key.algorithm,
        public_key=scan.key.public_key,
        art=randomart(scan.key),
        state=scan.server.host_key_state,
        pinned=_key(scan.server.pinned_key),
    )


def connection_test_read(test: ConnectionTest) -> ConnectionTestRead:
    return ConnectionTestRead(
        ok=test.reason is None,
        reason=test.reason,
        steps=[TestStepRead.model_validate(step) for step in test.steps],
    )


def _key(key: HostKey | None) -> HostKeyRead | None:
    if key is None:
        return None
    return HostKeyRead(
        algorithm=key.algorithm,
        public_key=key.public_key,
        fingerprint=key.fingerprint,
        art=randomart(key),
    )
