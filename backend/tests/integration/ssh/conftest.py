"""SSH の試験の支度: sshd と、それにつなぐ一式。"""

from collections.abc import AsyncIterator

import pytest

from harness.sshd import IS_ROOT, ME, Sshd, ensure_user, start_sshd
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway

# root とふつうの利用者では、シグナルの届き方も家の扱いも違う。root でなければ、自分一人で試す。
PEOPLE = ["root", "tsbdash"] if IS_ROOT else [ME]


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd()
    yield server
    await server.stop()


@pytest.fixture
async def ssh() -> AsyncIterator[SshGateway]:
    gateway = SshGateway()
    yield gateway
    await gateway.close()


@pytest.fixture(params=PEOPLE)
def endpoint(sshd: Sshd, request: pytest.FixtureRequest) -> Endpoint:
    """どちらの利用者でも成り立つはずの事実に使う。"""
    if request.param.startswith("tsb"):
        ensure_user(request.param)
    return sshd.endpoint(request.param)


@pytest.fixture
def plain(sshd: Sshd) -> Endpoint:
    """利用者が関わらない事実に使う。"""
    if not IS_ROOT:
        return sshd.endpoint(ME)
    ensure_user("tsbdash")
    return sshd.endpoint("tsbdash")
