"""部品を組み立てる、ただ一つの場所。"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import procrastinate
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame import __version__
from tsubame.business.audit.keeper import AuditKeeper
from tsubame.business.audit.refusals import Refusals
from tsubame.business.audit.service import AuditService
from tsubame.business.auth.authenticator import Authenticator
from tsubame.business.auth.code_check import CodeCheck
from tsubame.business.auth.enrolling import Enrolling
from tsubame.business.auth.joining import JoinService
from tsubame.business.auth.my_sessions import MySessionsService
from tsubame.business.auth.own_identities import OwnIdentities
from tsubame.business.auth.proofs import Proofs
from tsubame.business.auth.provider_arrivals import Arrivals
from tsubame.business.auth.provider_service import ProviderService
from tsubame.business.auth.provider_sign_in import ProviderPorts, ProviderSignIn
from tsubame.business.auth.second_factor_service import SecondFactorService
from tsubame.business.auth.second_factor_sign_in import SecondFactorSignIn
from tsubame.business.auth.service import AuthService, SignInGuard
from tsubame.business.auth.sessions import Sessions
from tsubame.business.auth.setup import SetupService
from tsubame.business.auth.sign_in_policy import SignInPolicyService
from tsubame.business.auth.sign_in_steps import SignInSteps
from tsubame.business.credentials.service import CredentialService
from tsubame.business.executions.admitter import Admitter
from tsubame.business.executions.changes import ChangeService
from tsubame.business.executions.cleaner import Cleaner
from tsubame.business.executions.disk_patrol import DiskPatrol
from tsubame.business.executions.dispatch import Dispatch
from tsubame.business.executions.driver import DriverPorts
from tsubame.business.executions.environments import RunEnvironments
from tsubame.business.executions.housekeeping import HousekeepingService
from tsubame.business.executions.intake import Intake
from tsubame.business.executions.log_reading import LogReadingService
from tsubame.business.executions.log_search import LogSearchService
from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.masking import MaskingPlans
from tsubame.business.executions.merged_log import MergedLogService
from tsubame.business.executions.outputs import OutputService
from tsubame.business.executions.queue_service import QueueService
from tsubame.business.executions.records import TargetRecords
from tsubame.business.executions.runner import TargetRunner
from tsubame.business.executions.service import ExecutionService
from tsubame.business.executions.starting import StartService
from tsubame.business.jobs.environment import EnvironmentService
from tsubame.business.jobs.service import JobService
from tsubame.business.projects.service import ProjectService
from tsubame.business.servers.connection_test import ConnectionTestService
from tsubame.business.servers.endpoints import EndpointService
from tsubame.business.servers.host_keys import HostKeyService
from tsubame.business.servers.service import ServerService
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.periodic import every
from tsubame.business.storage.keeper import StorageKeeper
from tsubame.business.storage.service import StorageService
from tsubame.business.tokens.authentication import TokenAuthenticator
from tsubame.business.tokens.service import TokenService
from tsubame.business.users.creation import CreationService
from tsubame.business.users.explaining import ExplainService
from tsubame.business.users.invitations import InvitationService
from tsubame.business.users.profile import ProfileService
from tsubame.business.users.service import UserService
from tsubame.business.variables.service import VariableService
from tsubame.business.workers.entities import Identity
from tsubame.business.workers.service import WorkerService
from tsubame.data_access.crypto.device_marks import HmacDeviceMarks
from tsubame.data_access.crypto.key_check import check_keys
from tsubame.data_access.crypto.key_marks import marking
from tsubame.data_access.crypto.keyring import Keyring
from tsubame.data_access.crypto.one_time_codes import TotpCodes
from tsubame.data_access.crypto.passwords import Argon2Passwords
from tsubame.data_access.crypto.tokens import JwtAccessTokens
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.presence import Presence
from tsubame.data_access.db.readiness import DatabaseReadiness
from tsubame.data_access.db.signal_bus import PostgresSignalBus
from tsubame.data_access.literal_search import LiteralSearch
from tsubame.data_access.logstore.archiving import LogArchiver
from tsubame.data_access.logstore.arrival_order import ChunkTimes
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.logstore.objects import ObjectPlaces
from tsubame.data_access.logstore.reading import ChunkReader
from tsubame.data_access.logstore.search import LogSearch
from tsubame.data_access.logstore.searched_logs import SqlSearchedLogs
from tsubame.data_access.logstore.tickets import SqlLogTickets
from tsubame.data_access.logstore.turn import STORAGE_TURN, AdvisoryTurn
from tsubame.data_access.oidc.connections import OidcConnections
from tsubame.data_access.outgoing.addresses import Allowed
from tsubame.data_access.outgoing.http import OutgoingHttp
from tsubame.data_access.practice.ssh_server import PracticeFiles, PracticeServer
from tsubame.data_access.queue.delivery import Delivery, create_queue_app
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions
from tsubame.data_access.vitals import vitals
from tsubame.entrypoints.data_directory import encryption_keys, encryption_keys_place
from tsubame.entrypoints.practice import Practice, PracticeRooms
from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.worker_loop import WorkerParts
from tsubame.presentation.http.pace import Pacer
from tsubame.presentation.http.services import HttpServices, PeopleServices, SignInServices
from tsubame.presentation.http.site import Site
from tsubame.presentation.ws.hub import Hub
from tsubame.presentation.ws.log_feed import LogFeed
from tsubame.presentation.ws.stream import StreamPorts
from tsubame.presentation.ws.subscription import Sources

# web と worker が一つのプロセスに同居しても、画面の読み書きと運転が互いを待たない数
_POOL_SIZE = 20
_AUDIT_FOLLOW_S = 1.0
_AUDIT_PATROL_S = 60.0


@dataclass(frozen=True)
class Foundation:
    """どの部屋の用件も上に立つ、外の世界との口。``keys`` は暗号の鍵(先頭で閉じ、どれでも開く)。"""

    url: str
    engine: AsyncEngine
    queue: procrastinate.App
    transactions: SqlTransactions
    bus: PostgresSignalBus
    ssh: SshGateway
    keys: tuple[str, ...]
    clock: Clock
    places: ObjectPlaces
    outgoing: OutgoingHttp

    @cached_property
    def log_reader(self) -> ChunkReader:
        # 一つを皆で使う。保管したログの索引を、一度だけ読むため
        return ChunkReader(self.engine, self.places)

    @cached_property
    def vault(self) -> FernetVault:
        return FernetVault(self.keys)

    @cached_property
    def endpoints(self) -> EndpointService:
        # 一つを皆で使う。同時に来た問い合わせを、まとめて読むため
        return EndpointService(self.transactions, self.vault)


@asynccontextmanager
async def open_foundation(url: str, settings: Settings, application_name: str) -> AsyncIterator[Foundation]:
    """外の世界との口を開き、抜けるときに閉じる。``bus.run`` は呼ぶ側が動かすこと。

    Raises: LostKeyError(暗号の鍵がなくて、開けないものがある)。
    """
    keys = encryption_keys(settings)
    engine = create_engine(url, application_name=application_name, pool_size=_POOL_SIZE)
    queue = create_queue_app(url, application_name)
    ssh = SshGateway()
    try:
        await check_keys(engine, Keyring(keys), encryption_keys_place(settings))
        yield Foundation(
            url=url,
            engine=engine,
            queue=queue,
            transactions=SqlTransactions(engine, queue),
            bus=PostgresSignalBus(url, marking(keys)),
            ssh=ssh,
            keys=keys,
            clock=SystemClock(),
            places=ObjectPlaces(settings.archive_location),
            outgoing=OutgoingHttp(Allowed.parse(settings.outgoing_allowed)),
        )
    finally:
        await ssh.close()
        await engine.dispose()


async def keep_audit(foundation: Foundation) -> None:
    """監査記録の鎖の番をする。どのプロセスでも一つ動かす。取り消されるまで終わらない。"""
    keeper = AuditKeeper(foundation.transactions, foundation.clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(every(_AUDIT_FOLLOW_S, keeper.follow), name="audit-follow")
        group.create_task(every(_AUDIT_PATROL_S, keeper.patrol), name="audit-patrol")


def http_services(foundation: Foundation, settings: Settings) -> HttpServices:
    transactions, clock, ssh = foundation.transactions, foundation.clock, foundation.ssh
    endpoints, passwords = foundation.endpoints, Argon2Passwords()
    tokens, marks = JwtAccessTokens(foundation.keys), HmacDeviceMarks(foundation.keys)
    sessions = Sessions(tokens, marks, clock)
    proofs = Proofs(transactions, passwords, CodeCheck(foundation.vault, TotpCodes(), clock), clock)
    steps, rooms = SignInSteps(sessions, clock), _practice_rooms(foundation)
    return HttpServices(
        authenticator=Authenticator(transactions, tokens, TokenAuthenticator(transactions, clock), clock),
        auth=AuthService(transactions, passwords, sessions, steps, SignInGuard(marks, clock)),
        sign_in=_sign_in(foundation, steps, proofs),
        setup=SetupService(transactions, passwords, sessions),
        people=_people(foundation, passwords, steps, proofs),
        users=UserService(transactions, clock),
        projects=ProjectService(transactions),
        workers=WorkerService(transactions),
        credentials=rooms.credentials,
        servers=rooms.servers,
        host_keys=rooms.host_keys,
        connection_tests=ConnectionTestService(transactions, endpoints, ssh.tester, rooms.host_keys),
        variables=VariableService(transactions, foundation.vault),
        environments=EnvironmentService(transactions),
        jobs=rooms.jobs,
        executions=ExecutionService(transactions, clock),
        starts=StartService(transactions, clock, foundation.vault),
        queue=QueueService(transactions),
        housekeeping=HousekeepingService(transactions, ssh.runs, endpoints, clock),
        logs=LogReadingService(foundation.log_reader, SqlLogTickets(foundation.engine), clock),
        log_search=_log_search(foundation),
        merged_logs=_merged_logs(foundation),
        outputs=OutputService(transactions, foundation.log_reader),
        storage=StorageService(transactions, clock),
        audit=AuditService(transactions),
        refusals=Refusals(transactions, clock),
        readiness=DatabaseReadiness(foundation.engine),
        practice=Practice(rooms, PracticeServer(PracticeFiles(settings.data_dir / "practice"))),
        secure_cookies=settings.secure_cookies,
        site=Site(settings.public_url, settings.security_contact),
        pacer=Pacer(),
    )


def _practice_rooms(foundation: Foundation) -> PracticeRooms:
    """練習用の見本も作る部屋。"""
    transactions, ssh = foundation.transactions, foundation.ssh
    return PracticeRooms(
        credentials=CredentialService(transactions, foundation.vault, ssh.keys),
        servers=ServerService(transactions, ssh.connections),
        host_keys=HostKeyService(transactions, foundation.endpoints, ssh.scanner, ssh.connections),
        jobs=JobService(transactions),
    )


def _sign_in(foundation: Foundation, steps: SignInSteps, proofs: Proofs) -> SignInServices:
    """パスワードのあとの、ログインの残り。"""
    transactions, clock = foundation.transactions, foundation.clock
    vault, codes = foundation.vault, TotpCodes()
    check, enrolling = CodeCheck(vault, codes, clock), Enrolling(vault, codes, clock)
    connections = OidcConnections(foundation.outgoing, clock)
    ports = ProviderPorts(connections, vault, clock)
    return SignInServices(
        second_step=SecondFactorSignIn(transactions, steps, check, enrolling, clock),
        second_factor=SecondFactorService(transactions, proofs, enrolling, clock),
        policy=SignInPolicyService(transactions, clock),
        providers=ProviderService(transactions, vault, connections),
        by_provider=ProviderSignIn(transactions, ports, Arrivals(transactions, steps, clock), proofs),
        own_identities=OwnIdentities(transactions, proofs),
    )


def _people(
    foundation: Foundation, passwords: Argon2Passwords, steps: SignInSteps, proofs: Proofs
) -> PeopleServices:
    """人の出入りと、自分のこと。"""
    transactions, clock = foundation.transactions, foundation.clock
    return PeopleServices(
        creation=CreationService(transactions, passwords, clock),
        invitations=InvitationService(transactions, clock),
        joining=JoinService(transactions, passwords, steps, clock),
        profile=ProfileService(transactions, passwords, clock),
        my_sessions=MySessionsService(transactions, proofs, clock),
        tokens=TokenService(transactions, clock),
        explanations=ExplainService(transactions),
    )


def _log_search(foundation: Foundation) -> LogSearchService:
    return LogSearchService(SqlSearchedLogs(foundation.engine), LogSearch(foundation.log_reader.stored))


def _merged_logs(foundation: Foundation) -> MergedLogService:
    engine, reader = foundation.engine, foundation.log_reader
    return MergedLogService(SqlSearchedLogs(engine), ChunkTimes(engine, reader.stored.archives), reader)


def stream_ports(foundation: Foundation, services: HttpServices) -> StreamPorts:
    reader = foundation.log_reader
    return StreamPorts(
        authenticator=services.authenticator,
        refusals=services.refusals,
        hub=Hub(foundation.bus),
        sources=Sources(
            executions=services.executions,
            changes=ChangeService(foundation.transactions),
            logs=reader,
            feed=LogFeed(reader),
        ),
    )


async def worker_parts(foundation: Foundation, settings: Settings) -> WorkerParts:
    """名簿に載り、働く用意を整える。"""
    transactions, runs, clock = foundation.transactions, foundation.ssh.runs, foundation.clock
    capacity = settings.worker_concurrency
    identity = Identity(socket.gethostname(), os.getpid(), __version__, capacity)
    presence = await Presence.register(foundation.engine, identity)
    log_store = ChunkStore(foundation.url, foundation.engine)
    log_writer = LogWriter(log_store, clock)
    retention = timedelta(days=settings.remote_retention_days)
    cleaner = Cleaner(transactions, runs, foundation.endpoints, clock, retention)
    records = TargetRecords(transactions, clock, presence.worker_id)
    environments = RunEnvironments(transactions, foundation.vault)
    ports = DriverPorts(
        records, runs, foundation.endpoints, log_writer, clock, environments, MaskingPlans(LiteralSearch)
    )
    runner = TargetRunner(transactions, ports, cleaner, presence.worker_id)
    return WorkerParts(
        presence=presence,
        bus=foundation.bus,
        log_store=log_store,
        log_writer=log_writer,
        runner=runner,
        cleaner=cleaner,
        disk_patrol=DiskPatrol(transactions, runs, foundation.endpoints, clock),
        vitals=vitals,
        dispatch=Dispatch(transactions),
        admitter=Admitter(transactions, clock),
        storage_keeper=StorageKeeper(
            transactions,
            LogArchiver(foundation.engine, foundation.places),
            AdvisoryTurn(foundation.engine, STORAGE_TURN),
            clock,
        ),
        delivery=Delivery(foundation.queue, Intake(runner, capacity).accept),
        heartbeat_file=settings.heartbeat_file,
    )
