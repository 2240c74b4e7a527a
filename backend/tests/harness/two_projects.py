"""二つのプロジェクトに、同じ形の物を置いた設置。権限の試験が、自分の側とよその側を同じように呼ぶ。"""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import insert

from harness.api import Api
from tsubame.business.auth.entities import Session
from tsubame.business.auth.providers import ProviderSettings
from tsubame.business.credentials.drafts import CredentialDraft
from tsubame.business.credentials.entities import CredentialKind
from tsubame.business.executions.starting import StartRequest
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.jobs.ports import JobDraft
from tsubame.business.servers.ports import ServerDraft
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import DEFAULT_PROJECT, CredentialId, JobId, ProjectId, ServerId, SessionId
from tsubame.business.shared.permissions import Permission, Role, stronger
from tsubame.business.shared.secret import Secret
from tsubame.business.tokens.entities import TokenOwner
from tsubame.business.tokens.ports import NewToken
from tsubame.business.users.attempts import for_own_password
from tsubame.business.users.entities import User
from tsubame.business.users.invitations import InvitationDraft
from tsubame.business.variables.drafts import VariableDraft
from tsubame.business.variables.entities import Content, Owner, VariableKind, VariableScope
from tsubame.data_access.tables.executions import workers
from tsubame.data_access.tables.projects import project_members, projects

MARK: Final = "kept-from-others"
"""よそのプロジェクトの物の名前に、いつも入っている字。見えてはならない人への応答に、一度も出ないこと。"""
_numbers = itertools.count(1)


_ISSUER = "https://id.example.com"


def provider_settings(name: str) -> ProviderSettings:
    return ProviderSettings(
        name=name,
        issuer=_ISSUER,
        client_id="x",
        scopes="openid",
        username_claim="preferred_username",
        group_claim="groups",
        rules=(),
        default_role=None,
        creates_users=False,
        trusts_second_factor=True,
        enabled=False,
        position=0,
    )


@dataclass(frozen=True)
class Who:
    """権限の持ち方。``member`` は、自分のプロジェクトでの役割。"""

    role: Role | None
    member: Role | None = None

    def __str__(self) -> str:
        return f"{self.role or 'nothing'}-everywhere-{self.member or 'nothing'}-here"

    def role_in(self, *, own: bool) -> Role | None:
        return stronger(self.role, self.member if own else None)

    @property
    def strongest(self) -> Role | None:
        return stronger(self.role, self.member)


EVERYBODY: Final = (
    Who(None),
    *(Who(role) for role in Role),
    *(Who(None, role) for role in Role),
    Who(Role.VIEWER, Role.EDITOR),
    Who(Role.EDITOR, Role.VIEWER),
)


@dataclass(frozen=True)
class Things:
    """あるプロジェクトに置いた、ひとそろいの物の番号。"""

    project_id: int
    credential_id: int
    server_id: int
    job_id: int
    execution_id: int
    target_id: int
    variable_id: int
    project_token_id: int


class TwoProjects:
    """``own`` は既定のプロジェクト、``other`` は名前に ``MARK`` の入った、もう一つのプロジェクト。

    ``whole`` は、どのプロジェクトのものでもない物の番号。
    人と招待と、``token_of`` の人のもう一つのログインは、``furnish`` のたびに新しくなる。
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self.other_project = ProjectId(0)
        self.whole: dict[str, int | str] = {}
        self._caller: User | None = None

    async def prepare(self) -> None:
        async with self.api.transactions.begin() as tx:
            added = await tx.connection.execute(
                insert(projects).values(name=f"{MARK}-project").returning(projects.c.id)
            )
            self.other_project = ProjectId(added.scalar_one())
            worker = await tx.connection.execute(
                insert(workers).values(host="w", pid=1, version="x").returning(workers.c.id)
            )
            self.whole["worker_id"] = worker.scalar_one()
        self.own = await self.furnish(own=True)
        self.other = await self.furnish(own=False)

    async def furnish(self, *, own: bool) -> Things:
        """新しいひとそろいを置く。実行は、ワーカーがいないので並んだまま。"""
        await self._furnish_whole()
        services = self.api.services
        project_id = DEFAULT_PROJECT if own else self.other_project
        name = f"{'ours' if own else MARK}-{next(_numbers)}"
        draft = CredentialDraft(name, CredentialKind.PASSWORD, password=Secret("p4ss"))
        credential = await services.credentials.create(SYSTEM, project_id, draft)
        server = await services.servers.create(SYSTEM, project_id, server_draft(name, credential.id))
        job = await services.jobs.create(SYSTEM, project_id, job_draft(name, server.id))
        execution = await services.starts.start(SYSTEM, StartRequest(JobId(job.id)))
        owner = Owner(VariableScope.PROJECT, project_id)
        variable = VariableDraft(name.replace("-", "_"), VariableKind.SECRET, Content(b"hunter2-hunter2"))
        return Things(
            project_id=project_id,
            credential_id=credential.id,
            server_id=server.id,
            job_id=job.id,
            execution_id=execution.execution.id,
            target_id=execution.targets[0].id,
            variable_id=(await services.variables.create(SYSTEM, owner, variable)).id,
            project_token_id=await self._token(TokenOwner(project_id=project_id, role=Role.VIEWER)),
        )

    async def _token(self, owner: TokenOwner) -> int:
        number = next(_numbers)
        new = NewToken(
            token_hash=str(number).encode(),
            hint="tsb_test",
            owner=owner,
            name=f"token-{number}",
            scopes=frozenset({Permission.JOB_READ}),
            created_by_name="test",
            expires_at=None,
        )
        async with self.api.transactions.begin() as tx:
            return (await tx.tokens.add(new)).id

    async def _furnish_whole(self) -> None:
        somebody = await self.api.add_user(None, f"somebody-{next(_numbers)}")
        draft = InvitationDraft(None, {}, "", timedelta(days=1))
        invitation, _ = await self.api.services.people.invitations.invite(SYSTEM, draft)
        session_id, now = f"{next(_numbers) << 64:032x}", self.api.clock.now()
        owner = self._caller or somebody
        async with self.api.transactions.begin() as tx:
            # どの道も違うパスワードで呼ぶ。間違いの数で断られては、権限を見られない
            await tx.attempts.forget([for_own_password(owner.id).key])
            await tx.sessions.add(
                Session(SessionId(session_id), owner.id, now, now, now + timedelta(days=1), None, "", "")
            )
            provider_id = await tx.providers.next_id()
            await tx.providers.add(provider_id, provider_settings(f"provider-{provider_id}"), None)
            await tx.identities.add(somebody.id, _ISSUER, f"subject-{next(_numbers)}", "somebody")
            (identity,) = await tx.identities.of(somebody.id)
        self.whole |= {
            "provider_id": provider_id,
            "identity_id": identity.id,
            "user_id": somebody.id,
            "invitation_id": invitation.id,
            "session_id": session_id,
            "token_id": await self._token(TokenOwner(user_id=owner.id)),
        }

    async def token_of(self, who: Who) -> str:
        user = self._caller = await self.api.add_user(who.role, f"user-{next(_numbers)}")
        if who.member is not None:
            async with self.api.transactions.begin() as tx:
                await tx.connection.execute(
                    insert(project_members).values(
                        user_id=user.id, project_id=DEFAULT_PROJECT, role=who.member
                    )
                )
        return self.api.token_of(user)


def server_draft(name: str, credential_id: CredentialId, tag: str | None = None) -> ServerDraft:
    # だれも待ち受けないポート。つなぎに行っても、すぐに断られる
    return ServerDraft(
        name=name,
        description="",
        host="127.0.0.1",
        port=1,
        username="x",
        credential_id=credential_id,
        tags=(tag or name, "web"),
        run_directory=None,
    )


def job_draft(name: str, server_id: ServerId) -> JobDraft:
    return JobDraft(
        name=name,
        description="",
        spec=ScriptSpec(script="true", interpreter=None, env=(), working_directory=None, timeout_s=None),
        server_ids=(server_id,),
        enabled=True,
    )
