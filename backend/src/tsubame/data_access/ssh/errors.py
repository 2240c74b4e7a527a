"""asyncssh と OS の失敗を、業務の言葉(``ConnectionProblem``)に置き換える。"""

import errno
import socket
from typing import Final

import asyncssh

from tsubame.business.servers.errors import (
    AuthFailedError,
    ConnectionLostError,
    ConnectionProblem,
    ConnectRefusedError,
    ConnectTimedOutError,
    NameNotResolvedError,
    NoCommonAlgorithmError,
    NotSshError,
    ServerBusyError,
    ShellUnusableError,
    UnreachableError,
)

_TIMEOUT_ERRNOS: Final = frozenset({errno.ETIMEDOUT})
_SHOWN_CHARACTERS: Final = 300


def shown(raw: bytes) -> str:
    """相手が出したバイト列を、一行の文に入れられる形にする。"""
    text = raw.decode("utf-8", "replace")
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:_SHOWN_CHARACTERS]


def translate_os(exc: OSError) -> ConnectionProblem:
    """名前の解決と TCP の失敗。"""
    if isinstance(exc, socket.gaierror):
        return NameNotResolvedError(f"The host name could not be resolved: {exc.strerror}.")
    if isinstance(exc, ConnectionRefusedError):
        return ConnectRefusedError("The server refused the connection: nothing listens on that port.")
    if isinstance(exc, TimeoutError) or exc.errno in _TIMEOUT_ERRNOS:
        return ConnectTimedOutError("The server did not answer in time.")
    if isinstance(exc, ConnectionError):
        return ConnectionLostError(f"The connection was lost: {exc.strerror or exc}.")
    return UnreachableError(f"The server cannot be reached: {exc.strerror or exc}.")


def translate_handshake(exc: Exception, greeting: bytes) -> ConnectionProblem:
    """TCP がつながってから、ログインが済むまでの失敗。

    Args:
        exc: asyncssh か OS が投げたもの。
        greeting: 相手が最初に送ったバイト列。SSH でない相手と、混んでいる sshd を見分ける。
    """
    if isinstance(exc, asyncssh.PermissionDenied):
        return AuthFailedError(f"The server refused the login: {exc.reason}.")
    if isinstance(exc, asyncssh.KeyExchangeFailed):
        return NoCommonAlgorithmError(f"No common algorithm with the server: {exc.reason}.")
    if isinstance(exc, asyncssh.ProtocolNotSupported) or not _may_be_ssh(greeting):
        return NotSshError(f"The port does not speak SSH 2. It said: {shown(greeting) or '(nothing)'}")
    if isinstance(exc, TimeoutError) or "timeout" in str(exc).lower():
        return ConnectTimedOutError(
            "The server accepted the connection but did not finish the SSH handshake in time."
        )
    if isinstance(exc, asyncssh.ConnectionLost | ConnectionError):
        return ServerBusyError(
            "The server closed the connection before the login, as it does when too many connect."
        )
    return ConnectionLostError(f"The SSH handshake failed: {exc}.")


def _may_be_ssh(greeting: bytes) -> bool:
    # 混んでいる sshd は、版の行を出さずに閉じるか、「Exceeded MaxStartups」とだけ言う。
    return not greeting or b"SSH-" in greeting or b"MaxStartups" in greeting or b"Not allowed" in greeting


def translate_open(exc: Exception) -> ConnectionProblem:
    """つながった接続の上で、命令を始めるときの失敗。"""
    if isinstance(exc, asyncssh.ChannelOpenError):
        return ShellUnusableError(f"The server does not allow running a command: {exc.reason}.")
    if isinstance(exc, TimeoutError):
        return ConnectionLostError("The server stopped answering.")
    return ConnectionLostError(f"The connection was lost: {exc}.")
