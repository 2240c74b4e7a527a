"""走りを一つ、始めから終わりまで追う小道具。"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tsubame.business.executions.remote_run import Attachment, Exited, Hello, Outcome, RunOrder
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway


def new_id() -> str:
    return f"test-{secrets.token_hex(8)}"


def order(script: bytes | str, **changes: object) -> RunOrder:
    """何も凝らない注文。``changes`` で一部を変える。"""
    body = script.encode() if isinstance(script, str) else script
    plain = RunOrder(
        run_id=new_id(), script=body, interpreter=("/bin/sh",), environment=(), working_directory=None
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # 試験ごとに変える欄だけを渡すため


@dataclass
class Followed:
    log: bytes
    outcome: Outcome
    hello: Hello | Outcome

    @property
    def exited(self) -> Exited:
        assert isinstance(self.outcome, Exited), self.outcome
        return self.outcome

    @property
    def directory(self) -> Path:
        assert isinstance(self.hello, Hello), self.hello
        return Path(self.hello.directory)


async def follow(attachment: Attachment, seen: Callable[[bytes], None] | None = None) -> Followed:
    """終わりまで読む。``seen`` には届くたびに渡す。"""
    hello = await attachment.hello()
    log = bytearray()
    while data := await attachment.read():
        log += data
        if seen is not None:
            seen(data)
    return Followed(bytes(log), await attachment.outcome(), hello)


async def run(ssh: SshGateway, endpoint: Endpoint, script: bytes | str, **changes: object) -> Followed:
    """始めて、終わりまで追い、記録を消す。"""
    wanted = order(script, **changes)
    followed = await follow(await ssh.runs.start(endpoint, wanted))
    if isinstance(followed.outcome, Exited):
        await ssh.runs.remove(endpoint, wanted.run_id)
    return followed


async def greeted(attachment: Attachment) -> Hello:
    """応えるまで待つ。応えずに終わったら落ちる。"""
    hello = await attachment.hello()
    assert isinstance(hello, Hello), hello
    return hello


async def read_until(attachment: Attachment, text: bytes) -> bytes:
    """``text`` が届くまで読む。"""
    log = b""
    while text not in log:
        data = await attachment.read()
        assert data, (log, await attachment.outcome())
        log += data
    return log
