"""サーバに届かない理由。実行・接続試験・ホスト鍵の読み取りが同じ語彙を使う。"""

from collections.abc import Sequence
from typing import ClassVar, Self

from tsubame.business.servers.entities import Endpoint, HostKey
from tsubame.business.shared.errors import ConflictError, DomainError, NotFoundError
from tsubame.business.shared.ids import ServerId


class ServerNotFoundError(NotFoundError):
    code = "server_not_found"


class ServerInUseError(ConflictError):
    """使っているジョブがあるので消せない。"""

    code = "server_in_use"

    def __init__(self, jobs: Sequence[str]) -> None:
        names = ", ".join(jobs)
        super().__init__(
            f"This server is used by the jobs: {names}. Remove it from them first.",
            params={"jobs": names, "count": len(jobs)},
        )


class ServerIsJumpError(ConflictError):
    """踏み台として使っているサーバがあるので消せない。"""

    code = "server_is_jump"

    def __init__(self, servers: Sequence[str]) -> None:
        names = ", ".join(servers)
        super().__init__(
            f"This server is the jump server of: {names}. Give them another way first.",
            params={"servers": names, "count": len(servers)},
        )


class JumpLoopError(ConflictError):
    """踏み台をたどると、自分に戻ってくる。"""

    code = "jump_loop"

    def __init__(self, names: Sequence[str]) -> None:
        path = " → ".join(names)
        super().__init__(f"The jump servers would go round in a circle: {path}.", params={"path": path})


class JumpTooDeepError(ConflictError):
    """踏み台が多すぎる。"""

    code = "jump_too_deep"

    def __init__(self, depth: int, limit: int) -> None:
        super().__init__(
            f"This would put {depth} jump servers in a row; at most {limit} are allowed.",
            params={"depth": depth, "limit": limit},
        )


class ServerBusyRunningError(ConflictError):
    """まだ終わっていない実行があるので消せない。消すと、続きを取りに行けなくなる。"""

    code = "server_has_unfinished_runs"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} run(s) on this server have not ended yet. Wait for them or cancel them first.",
            params={"count": count},
        )


class HostKeyMismatchError(ConflictError):
    """承認しようとした指紋が、いま見せられている鍵のものと違う。"""

    code = "host_key_mismatch"


class ConnectionProblem(DomainError):  # noqa: N818  失敗の「種類」であり、語尾は各クラスが持つ
    """届かない。

    Attributes:
        transient: 待てば通る見込みがある。``False`` なら人が直すまで通らない。
        hop: 途中の踏み台での失敗なら、その踏み台。
    """

    code: ClassVar[str] = "connection_problem"
    transient: ClassVar[bool] = False
    hop: ServerId | None = None

    def at_hop(self, hop: Endpoint) -> Self:
        """踏み台での失敗だと書き足す。もっと手前の踏み台がもう書いていれば、そのまま。"""
        if self.hop is None:
            self.hop = hop.server_id
            self.detail = f"At the jump server {hop.name!r}: {self.detail}"
            self.params = {**self.params, "hop": hop.name}
        return self


class NameNotResolvedError(ConnectionProblem):
    code = "name_not_resolved"


class ConnectRefusedError(ConnectionProblem):
    code = "connect_refused"
    transient = True


class ConnectTimedOutError(ConnectionProblem):
    code = "connect_timed_out"
    transient = True


class UnreachableError(ConnectionProblem):
    code = "unreachable"
    transient = True


class NotSshError(ConnectionProblem):
    """ポートは開いているが、SSH として話さない。"""

    code = "not_ssh"


class NoCommonAlgorithmError(ConnectionProblem):
    code = "no_common_algorithm"


class HostKeyUnknownError(ConnectionProblem):
    """まだ承認されたホスト鍵がない。"""

    code = "host_key_unknown"


class HostKeyChangedError(ConnectionProblem):
    """固定した鍵と違う鍵を見せられた。"""

    code = "host_key_changed"

    def __init__(self, detail: str, offered: HostKey) -> None:
        super().__init__(detail, params={"offered": offered.fingerprint})
        self.offered = offered


class AuthFailedError(ConnectionProblem):
    code = "auth_failed"


class PasswordChangeRequiredError(AuthFailedError):
    """サーバがパスワードの変更を求めている。"""

    code = "password_change_required"


class CredentialUnusableError(ConnectionProblem):
    """しまってある認証情報を開けない、または鍵として読めない。"""

    code = "credential_unusable"


class ServerBusyError(ConnectionProblem):
    """MaxStartups などで断られ続けた。"""

    code = "server_busy"
    transient = True


class ConnectionLostError(ConnectionProblem):
    """つながっていたが切れた。"""

    code = "connection_lost"
    transient = True


class ShellUnusableError(ConnectionProblem):
    """ログインできたが、命令を動かせない(ForceCommand、制限つきシェル、nologin など)。

    ``detail`` に相手が出した文の先頭を入れる。
    """

    code = "shell_unusable"


class JumpForbiddenError(ConnectionProblem):
    """踏み台が、その先への中継を許さない(AllowTcpForwarding、PermitOpen)。"""

    code = "jump_forbidden"


class SudoMissingError(ConnectionProblem):
    """サーバに sudo がない。"""

    code = "sudo_missing"


class SudoPasswordWrongError(ConnectionProblem):
    """sudo がパスワードを受け付けなかった。"""

    code = "sudo_password_wrong"


class SudoNotAllowedError(ConnectionProblem):
    """sudo が、その利用者になることを許さない。``detail`` に sudo の言い分を入れる。"""

    code = "sudo_not_allowed"


class NoRunDirectoryError(ConnectionProblem):
    """実行の記録を置ける場所がサーバにない(読み取り専用、満杯、権限なし)。"""

    code = "no_run_directory"
