"""命令の長さ: 9,000 バイトより長い命令を、dropbear は、つながりごと断る(MAX_CMD_LEN)。"""

from dataclasses import replace
from typing import Final

import pytest

from tsubame.business.credentials.entities import PasswordLogin
from tsubame.business.executions.remote_run import Guard
from tsubame.business.servers.entities import Endpoint, Sudo
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.secret import Secret
from tsubame.data_access.ssh.remote_run import command_for, runner_arguments

_LIMIT: Final = 8_500
# いちばん長い引数
_YEAR_S: Final = 365 * 24 * 3600
_OFFSET: Final = str(10**15)
_GUARD: Final = Guard(_YEAR_S, _YEAR_S, 3600.0)
_PLAIN: Final = Endpoint(
    server_id=ServerId(1),
    name="long",
    revision="1",
    host="server.example",
    port=22,
    username="u" * 64,
    login=PasswordLogin(Secret("p")),
    host_key=None,
    run_directory="/" + "d" * 1023,
)
_SUDO: Final = replace(_PLAIN, sudo=Sudo("s" * 64, Secret("p" * 1000)))


def _command(endpoint: Endpoint, operation: str, *arguments: str) -> bytes:
    run_id, nonce = "261124121437-0123456789abcdef", "0123456789abcdef"
    return command_for(endpoint, "/bin/sh", operation, (run_id, nonce, *arguments)).encode()


@pytest.mark.parametrize("guard", [None, _GUARD], ids=["no-guard", "guarded"])
@pytest.mark.parametrize(
    "endpoint",
    [_PLAIN, _SUDO, replace(_PLAIN, via=_PLAIN), replace(_SUDO, via=_SUDO)],
    ids=["plain", "sudo", "jump", "jump-sudo"],
)
def test_start_fits(endpoint: Endpoint, guard: Guard | None) -> None:
    """どの始め方も、いちばん長い置き場所と利用者の名前で、8,500 バイトに収まる。"""
    command = _command(endpoint, "start", *runner_arguments(guard, 10**9), "a", _OFFSET)
    assert len(command) <= _LIMIT


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("attach", ("a", _OFFSET)),
        ("probe", ()),
        ("touch", ()),
        ("cancel", ("36000",)),
        ("remove", ()),
        ("list", ()),
        ("check", ()),
    ],
)
def test_others_fit(operation: str, arguments: tuple[str, ...]) -> None:
    """始めるほかの命令も同じ。"""
    assert len(_command(_SUDO, operation, *arguments)) <= _LIMIT
