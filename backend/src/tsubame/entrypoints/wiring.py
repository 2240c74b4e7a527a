"""部品を組み立てる、ただ一つの場所。"""

from dataclasses import dataclass

import procrastinate
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.auth.authenticator import Authenticator
from tsubame.business.auth.service import AuthService
from tsubame.business.auth.sessions import Sessions
from tsubame.business.auth.setup import SetupService
from tsubame.business.credentials.service import CredentialService
from tsubame.business.jobs.service import JobService
from tsubame.business.servers.connection_test import ConnectionTestService
from tsubame.business.servers.endpoints import EndpointService
from tsubame.business.servers.host_keys import HostKeyService
from tsubame.business.servers.service import ServerService
from tsubame.business.users.service import UserService
from tsubame.data_access.crypto.passwords import Argon2Passwords
from tsubame.data_access.crypto.tokens import JwtAccessTokens
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.db.readiness import DatabaseReadiness
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions
from tsubame.presentation.http.services import HttpServices


@dataclass(frozen=True, slots=True)
class Foundation:
    """どの部屋の用件も上に立つ、外の世界との口。``keys`` は暗号の鍵(先頭で閉じ、どれでも開く)。"""

    engine: AsyncEngine
    queue: procrastinate.App
    ssh: SshGateway
    keys: tuple[str, ...]


def http_services(foundation: Foundation, *, secure_cookies: bool) -> HttpServices:
    clock = SystemClock()
    transactions = SqlTransactions(foundation.engine, foundation.queue)
    vault = FernetVault(foundation.keys)
    tokens = JwtAccessTokens(foundation.keys)
    passwords = Argon2Passwords()
    sessions = Sessions(tokens, clock)
    ssh = foundation.ssh
    host_keys = HostKeyService(transactions, ssh.scanner, ssh.connections)
    endpoints = EndpointService(transactions, vault)
    return HttpServices(
        authenticator=Authenticator(transactions, tokens, clock),
        auth=AuthService(transactions, passwords, sessions, clock),
        setup=SetupService(transactions, passwords, sessions),
        users=UserService(transactions),
        credentials=CredentialService(transactions, vault, ssh.keys),
        servers=ServerService(transactions, ssh.connections),
        host_keys=host_keys,
        connection_tests=ConnectionTestService(transactions, endpoints, ssh.tester, host_keys),
        jobs=JobService(transactions),
        readiness=DatabaseReadiness(foundation.engine),
        practice=None,
        secure_cookies=secure_cookies,
    )
