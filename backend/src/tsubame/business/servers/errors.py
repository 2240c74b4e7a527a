"""サーバに届かない理由。実行・接続試験・ホスト鍵の読み取りが同じ語彙を使う。"""

from collections.abc import Sequence
from typing import ClassVar

from tsubame.business.servers.entities import HostKey
from tsubame.business.shared.errors import ConflictError, DomainError, NotFoundError


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
    """

    code: ClassVar[str] = "connection_problem"
    transient: ClassVar[bool] = False


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


class NoRunDirectoryError(ConnectionProblem):
    """実行の記録を置ける場所がサーバにない(読み取り専用、満杯、権限なし)。"""

    code = "no_run_directory"
