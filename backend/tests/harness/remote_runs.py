"""走りを一つ、始めから終わりまで追う小道具。"""

import secrets
from dataclasses import dataclass

from tsubame.business.executions.remote_run import Attachment, Exited, Hello, Outcome, RunOrder


def new_id() -> str:
    return f"test-{secrets.token_hex(8)}"


def order(script: bytes | str, **changes: object) -> RunOrder:
    fields: dict[str, object] = {
        "run_id": new_id(),
        "script": script.encode() if isinstance(script, str) else script,
        "interpreter": ("/bin/sh",),
        "environment": (),
        "working_directory": None,
    }
    return RunOrder(**{**fields, **changes})  # type: ignore[arg-type]  # 試験ごとに変える欄だけを渡すため


@dataclass
class Followed:
    log: bytes
    outcome: Outcome
    hello: Hello | Outcome

    @property
    def exited(self) -> Exited:
        assert isinstance(self.outcome, Exited), self.outcome
        return self.outcome


async def follow(attachment: Attachment) -> Followed:
    """終わりまで読む。"""
    hello = await attachment.hello()
    parts = []
    while data := await attachment.read():
        parts.append(data)
    return Followed(b"".join(parts), await attachment.outcome(), hello)
