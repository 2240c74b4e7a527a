"""HTTP の道が使う用件の一式。作るのは entrypoints/wiring.py だけ。"""

from dataclasses import dataclass
from typing import Protocol

from tsubame.business.audit.refusals import Refusals
from tsubame.business.audit.service import AuditService
from tsubame.business.auth.authenticator import Authenticator
from tsubame.business.auth.joining import JoinService
from tsubame.business.auth.my_sessions import MySessionsService
from tsubame.business.auth.own_identities import OwnIdentities
from tsubame.business.auth.provider_service import ProviderService
from tsubame.business.auth.provider_sign_in import ProviderSignIn
from tsubame.business.auth.second_factor_service import SecondFactorService
from tsubame.business.auth.second_factor_sign_in import SecondFactorSignIn
from tsubame.business.auth.service import AuthService
from tsubame.business.auth.setup import SetupService
from tsubame.business.auth.sign_in_policy import SignInPolicyService
from tsubame.business.credentials.service import CredentialService
from tsubame.business.executions.housekeeping import HousekeepingService
from tsubame.business.executions.log_reading import LogReadingService
from tsubame.business.executions.log_search import LogSearchService
from tsubame.business.executions.merged_log import MergedLogService
from tsubame.business.executions.outputs import OutputService
from tsubame.business.executions.queue_service import QueueService
from tsubame.business.executions.service import ExecutionService
from tsubame.business.executions.starting import StartService
from tsubame.business.jobs.environment import EnvironmentService
from tsubame.business.jobs.service import JobService
from tsubame.business.projects.service import ProjectService
from tsubame.business.servers.connection_test import ConnectionTestService
from tsubame.business.servers.host_keys import HostKeyService
from tsubame.business.servers.service import ServerService
from tsubame.business.shared.actor import Actor
from tsubame.business.storage.service import StorageService
from tsubame.business.tokens.service import TokenService
from tsubame.business.users.creation import CreationService
from tsubame.business.users.explaining import ExplainService
from tsubame.business.users.invitations import InvitationService
from tsubame.business.users.profile import ProfileService
from tsubame.business.users.service import UserService
from tsubame.business.variables.service import VariableService
from tsubame.business.workers.service import WorkerService
from tsubame.presentation.http.pace import Pacer
from tsubame.presentation.http.site import Site


class Readiness(Protocol):
    async def check(self) -> None:
        """働ける状態か。Raises: UnavailableError。"""
        ...


class Practice(Protocol):
    """練習用のサーバと見本のジョブ。"""

    async def resume(self) -> None:
        """前に入れてあれば、練習用のサーバの待ち受けを再開する。"""
        ...

    async def install(self, actor: Actor) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SignInServices:
    """パスワードのあとの、ログインの残り。"""

    second_step: SecondFactorSignIn
    second_factor: SecondFactorService
    policy: SignInPolicyService
    providers: ProviderService
    by_provider: ProviderSignIn
    own_identities: OwnIdentities


@dataclass(frozen=True, slots=True)
class PeopleServices:
    """人の出入りと、自分のこと。"""

    creation: CreationService
    invitations: InvitationService
    joining: JoinService
    profile: ProfileService
    my_sessions: MySessionsService
    tokens: TokenService
    explanations: ExplainService


@dataclass(frozen=True, slots=True)
class HttpServices:
    """``practice`` が ``None`` なら、この起動では練習用のサーバを用意できない。"""

    authenticator: Authenticator
    auth: AuthService
    sign_in: SignInServices
    setup: SetupService
    people: PeopleServices
    users: UserService
    projects: ProjectService
    workers: WorkerService
    credentials: CredentialService
    servers: ServerService
    host_keys: HostKeyService
    connection_tests: ConnectionTestService
    variables: VariableService
    environments: EnvironmentService
    jobs: JobService
    executions: ExecutionService
    starts: StartService
    queue: QueueService
    housekeeping: HousekeepingService
    logs: LogReadingService
    log_search: LogSearchService
    merged_logs: MergedLogService
    outputs: OutputService
    storage: StorageService
    audit: AuditService
    refusals: Refusals
    readiness: Readiness
    practice: Practice | None
    secure_cookies: bool
    site: Site
    pacer: Pacer
