from collections.abc import AsyncIterator

import pytest

from harness.sshd import Sshd, start_sshd


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    """本物の sshd。"""
    server = await start_sshd()
    yield server
    await server.stop()
