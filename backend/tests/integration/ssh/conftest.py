"""SSH の試験の支度: sshd と、それにつなぐ一式。"""

from collections.abc import AsyncIterator

import pytest

from harness.sshd import Sshd, start_sshd
from tsubame.data_access.ssh.gateway import SshGateway


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
