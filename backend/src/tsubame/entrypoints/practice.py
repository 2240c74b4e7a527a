"""練習用のサーバと見本のジョブを、ふつうの用件(services)を通して入れる。"""

import asyncio
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import structlog

from tsubame.business.credentials.drafts import CredentialDraft
from tsubame.business.credentials.entities import CredentialKind
from tsubame.business.credentials.service import CredentialService
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.jobs.ports import JobDraft
from tsubame.business.jobs.service import JobService
from tsubame.business.servers.entities import Server
from tsubame.business.servers.host_keys import HostKeyService
from tsubame.business.servers.ports import ServerDraft, ServerFilter
from tsubame.business.servers.service import ServerService
from tsubame.business.shared.actor import SYSTEM, Actor
from tsubame.business.shared.ids import DEFAULT_PROJECT, CredentialId, ServerId
from tsubame.business.shared.paging import PageRequest
from tsubame.business.shared.secret import Secret
from tsubame.data_access.practice import ssh_server

SERVER_NAME: Final = "practice"
_TAG: Final = "practice"
_SAMPLES: Final = ("hello", "failing", "long-log")
_SAMPLE_DIRECTORY: Final = "tsubame.data_access.practice"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PracticeRooms:
    """入れるのに使う用件。"""

    credentials: CredentialService
    servers: ServerService
    host_keys: HostKeyService
    jobs: JobService


class Practice:
    """練習用のサーバ。入れるまでは待ち受けもしない。"""

    def __init__(self, rooms: PracticeRooms, server: ssh_server.PracticeServer) -> None:
        self._rooms = rooms
        self._server = server
        self._installing = asyncio.Lock()

    async def resume(self) -> None:
        """前に入れてあれば、待ち受けを再開する。ポートが変わったなら、サーバの行も直す。"""
        if not self._server.files.exists:
            return
        port = await self._server.start()
        found = await self._find()
        if found is not None and found.port != port:
            await self._rooms.servers.update(SYSTEM, found.id, _draft(port, found.credential_id), None)
            await self._approve(SYSTEM, found.id)

    async def install(self, actor: Actor) -> None:
        """待ち受けを始め、認証情報・サーバ・見本のジョブを作る。二度呼ばれても一組だけ。"""
        async with self._installing:
            port = await self._server.start()
            if await self._find() is not None:
                return
            credential = await self._rooms.credentials.create(
                actor,
                DEFAULT_PROJECT,
                CredentialDraft(
                    name=f"{SERVER_NAME}-key",
                    kind=CredentialKind.SSH_KEY,
                    private_key=Secret(await asyncio.to_thread(self._server.files.client_key.read_text)),
                ),
            )
            server = await self._rooms.servers.create(actor, DEFAULT_PROJECT, _draft(port, credential.id))
            await self._approve(actor, server.id)
            for name in _SAMPLES:
                await self._rooms.jobs.create(actor, DEFAULT_PROJECT, _sample(name, server.id))
            _log.info("practice_server_installed", port=port)

    async def stop(self) -> None:
        await self._server.stop()

    async def _find(self) -> Server | None:
        page = await self._rooms.servers.page(SYSTEM, ServerFilter(tags=(_TAG,)), PageRequest())
        return next((server for server in page.items if server.name == SERVER_NAME), None)

    async def _approve(self, actor: Actor, server_id: ServerId) -> None:
        # 自分で作った鍵なので、見比べる相手は手元にある。違う鍵が見えたら承認されない
        await self._rooms.host_keys.approve(actor, server_id, self._server.fingerprint)


def _draft(port: int, credential_id: CredentialId) -> ServerDraft:
    return ServerDraft(
        name=SERVER_NAME,
        description="練習用のサーバ(この機械の中) / a practice server inside this machine",
        host=ssh_server.HOST,
        port=port,
        username=ssh_server.current_username(),
        credential_id=credential_id,
        tags=(_TAG,),
        run_directory=None,
    )


def _sample(name: str, server_id: ServerId) -> JobDraft:
    script = files(_SAMPLE_DIRECTORY).joinpath("samples", f"{name}.sh").read_text(encoding="utf-8")
    # 見本の説明は、スクリプトの先頭の注釈に書いてある(日本語と英語の一行ずつ)
    description = " / ".join(line.removeprefix("# ") for line in script.splitlines()[1:3])
    return JobDraft(
        name=name,
        description=description,
        spec=ScriptSpec(script=script, interpreter=None, env=(), working_directory=None, timeout_s=None),
        server_ids=(server_id,),
        enabled=True,
    )
