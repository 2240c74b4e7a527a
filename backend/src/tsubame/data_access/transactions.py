"""取引の実装: 一本の接続の上に、全部屋のリポジトリを並べる。"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import procrastinate
import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.business.shared.signals import Signals
from tsubame.data_access.db.at_commit import AtCommit, transaction
from tsubame.data_access.db.signals import SqlSignals
from tsubame.data_access.queue.queue import SqlQueue
from tsubame.data_access.repositories.admission import SqlAdmissionRepository
from tsubame.data_access.repositories.attempts import SqlAttemptRepository
from tsubame.data_access.repositories.audit import SqlAuditLog, SqlAuditTrail
from tsubame.data_access.repositories.audit_chain import SqlAuditChain
from tsubame.data_access.repositories.auth import SqlGrantRepository, SqlSetupTokenRepository
from tsubame.data_access.repositories.credential_uses import SqlCredentialUses
from tsubame.data_access.repositories.credentials import SqlCredentialRepository
from tsubame.data_access.repositories.executions import SqlExecutionRepository
from tsubame.data_access.repositories.flow import SqlFlowRepository
from tsubame.data_access.repositories.identity_providers import (
    SqlIdentityRepository,
    SqlMappedRolesRepository,
    SqlProviderFlowRepository,
    SqlProviderRepository,
)
from tsubame.data_access.repositories.invitations import SqlInvitationRepository
from tsubame.data_access.repositories.jobs import SqlJobRepository
from tsubame.data_access.repositories.outputs import SqlOutputRepository
from tsubame.data_access.repositories.policies import SqlPolicyRepository
from tsubame.data_access.repositories.projects import SqlProjectRepository
from tsubame.data_access.repositories.run_owners import SqlRunOwnerRepository
from tsubame.data_access.repositories.run_secrets import SqlRunSecretRepository
from tsubame.data_access.repositories.second_factor import (
    SqlChallengeRepository,
    SqlRecoveryCodeRepository,
    SqlSecondFactorRepository,
    SqlSignInPolicyRepository,
)
from tsubame.data_access.repositories.server_disk import SqlServerDiskRepository
from tsubame.data_access.repositories.server_selection import SqlServerSelection
from tsubame.data_access.repositories.servers import SqlServerRepository
from tsubame.data_access.repositories.sessions import SqlSessionRepository
from tsubame.data_access.repositories.storage import SqlStorageRepository
from tsubame.data_access.repositories.targets import SqlTargetRepository
from tsubame.data_access.repositories.tokens import SqlTokenRepository
from tsubame.data_access.repositories.users import SqlUserRepository
from tsubame.data_access.repositories.variables import SqlVariableRepository
from tsubame.data_access.repositories.waiting import SqlWaitingRepository
from tsubame.data_access.repositories.workers import SqlWorkerRepository


class SqlTransaction:
    """開いている取引。部屋の ``…Tx`` のどれにも当てはまる。"""

    def __init__(self, connection: AsyncConnection, at_commit: AtCommit, queue: procrastinate.App) -> None:
        self._connection = connection
        self._at_commit = at_commit
        self._queue = queue

    @property
    def connection(self) -> AsyncConnection:
        """データの層の中でだけ使う、生の接続。業務の口には出ない。"""
        return self._connection

    @property
    def users(self) -> SqlUserRepository:
        return SqlUserRepository(self._connection)

    @property
    def grants(self) -> SqlGrantRepository:
        return SqlGrantRepository(self._connection)

    @property
    def sessions(self) -> SqlSessionRepository:
        return SqlSessionRepository(self._connection)

    @property
    def attempts(self) -> SqlAttemptRepository:
        return SqlAttemptRepository(self._connection)

    @property
    def tokens(self) -> SqlTokenRepository:
        return SqlTokenRepository(self._connection)

    @property
    def invitations(self) -> SqlInvitationRepository:
        return SqlInvitationRepository(self._connection)

    @property
    def setup_token(self) -> SqlSetupTokenRepository:
        return SqlSetupTokenRepository(self._connection)

    @property
    def second_factors(self) -> SqlSecondFactorRepository:
        return SqlSecondFactorRepository(self._connection)

    @property
    def recovery_codes(self) -> SqlRecoveryCodeRepository:
        return SqlRecoveryCodeRepository(self._connection)

    @property
    def challenges(self) -> SqlChallengeRepository:
        return SqlChallengeRepository(self._connection)

    @property
    def sign_in_policy(self) -> SqlSignInPolicyRepository:
        return SqlSignInPolicyRepository(self._connection)

    @property
    def providers(self) -> SqlProviderRepository:
        return SqlProviderRepository(self._connection)

    @property
    def provider_flows(self) -> SqlProviderFlowRepository:
        return SqlProviderFlowRepository(self._connection)

    @property
    def identities(self) -> SqlIdentityRepository:
        return SqlIdentityRepository(self._connection)

    @property
    def mapped_roles(self) -> SqlMappedRolesRepository:
        return SqlMappedRolesRepository(self._connection)

    @property
    def server_disk(self) -> SqlServerDiskRepository:
        return SqlServerDiskRepository(self._connection)

    @property
    def credentials(self) -> SqlCredentialRepository:
        return SqlCredentialRepository(self._connection)

    @property
    def credential_uses(self) -> SqlCredentialUses:
        return SqlCredentialUses(self._at_commit)

    @property
    def variables(self) -> SqlVariableRepository:
        return SqlVariableRepository(self._connection)

    @property
    def run_secrets(self) -> SqlRunSecretRepository:
        return SqlRunSecretRepository(self._connection)

    @property
    def servers(self) -> SqlServerRepository:
        return SqlServerRepository(self._connection)

    @property
    def selection(self) -> SqlServerSelection:
        return SqlServerSelection(self._connection)

    @property
    def jobs(self) -> SqlJobRepository:
        return SqlJobRepository(self._connection)

    @property
    def audit(self) -> SqlAuditLog:
        return SqlAuditLog(self._at_commit)

    @property
    def audit_trail(self) -> SqlAuditTrail:
        return SqlAuditTrail(self._connection)

    @property
    def audit_chain(self) -> SqlAuditChain:
        return SqlAuditChain(self._connection)

    @property
    def executions(self) -> SqlExecutionRepository:
        return SqlExecutionRepository(self._connection)

    @property
    def targets(self) -> SqlTargetRepository:
        return SqlTargetRepository(self._connection)

    @property
    def outputs(self) -> SqlOutputRepository:
        return SqlOutputRepository(self._connection)

    @property
    def flow(self) -> SqlFlowRepository:
        return SqlFlowRepository(self._connection)

    @property
    def admission(self) -> SqlAdmissionRepository:
        return SqlAdmissionRepository(self._connection)

    @property
    def waiting(self) -> SqlWaitingRepository:
        return SqlWaitingRepository(self._connection)

    @property
    def workers(self) -> SqlWorkerRepository:
        return SqlWorkerRepository(self._connection)

    @property
    def run_owners(self) -> SqlRunOwnerRepository:
        return SqlRunOwnerRepository(self._connection)

    @property
    def policies(self) -> SqlPolicyRepository:
        return SqlPolicyRepository(self._connection)

    @property
    def projects(self) -> SqlProjectRepository:
        return SqlProjectRepository(self._connection)

    @property
    def storage(self) -> SqlStorageRepository:
        return SqlStorageRepository(self._connection)

    @property
    def queue(self) -> SqlQueue:
        return SqlQueue(self._queue, self._connection)

    @property
    def signals(self) -> Signals:
        return SqlSignals(self._at_commit)


class SqlTransactions:
    def __init__(self, engine: AsyncEngine, queue: procrastinate.App) -> None:
        self._engine = engine
        self._looking = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._queue = queue

    def begin(self) -> AbstractAsyncContextManager[SqlTransaction]:
        return self._open(self._engine)

    def look(self) -> AbstractAsyncContextManager[SqlTransaction]:
        return self._open(self._looking)

    @asynccontextmanager
    async def _open(self, engine: AsyncEngine) -> AsyncIterator[SqlTransaction]:
        try:
            async with transaction(engine) as (connection, at_commit):
                yield SqlTransaction(connection, at_commit, self._queue)
        except PoolTimeoutError as exc:
            # 落ちたデータベースを待つ仕事で、接続の席がふさがっている
            raise StorageUnavailableError("The database is too slow to answer right now.") from exc
        except (DBAPIError, psycopg.Error) as exc:
            if not is_outage(exc):
                raise
            raise StorageUnavailableError("The database cannot be reached right now.") from exc


def is_outage(exc: DBAPIError | psycopg.Error) -> bool:
    """待ってやり直せば直る失敗か(文や中身の誤りではなく)。"""
    if isinstance(exc, DBAPIError):
        return exc.connection_invalidated or _is_outage(exc.orig)
    return _is_outage(exc)


def _is_outage(exc: BaseException | None) -> bool:
    if isinstance(exc, psycopg.InterfaceError):
        return True
    # 起動中・停止中・復旧中(57P01-57P03)も、待てば戻る。つなぐ前の失敗には状態の番号が無い。
    # にらみ合い(40P01)は、選ばれた一方だけが失敗する
    return isinstance(exc, psycopg.OperationalError) and (
        exc.sqlstate is None or exc.sqlstate.startswith(("08", "57P", "53", "40"))
    )
