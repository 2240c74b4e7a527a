from collections.abc import Sequence

from tsubame.business.shared.errors import (
    BusyError,
    ConflictError,
    FieldError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
)


class ExecutionNotFoundError(NotFoundError):
    code = "execution_not_found"


class TargetNotFoundError(NotFoundError):
    code = "target_not_found"


class AlreadyEndedError(ConflictError):
    """もう終わっているので中止できない。"""

    code = "execution_already_ended"


class NotEndedYetError(ConflictError):
    """まだ終わっていないので、もう一度動かせない。"""

    code = "execution_not_ended"


class NothingToRerunError(ConflictError):
    """成功しなかった対象がない。"""

    code = "nothing_to_rerun"


class AlreadyPausedError(ConflictError):
    code = "execution_already_paused"


class NotPausedError(ConflictError):
    code = "execution_not_paused"


class NotInQueueError(ConflictError):
    """待っている対象がないので、順番を変えられない。"""

    code = "execution_not_in_queue"


class IdempotencyMismatchError(ConflictError):
    """同じ Idempotency-Key が、別のジョブの開始に使われている。"""

    code = "idempotency_key_reused"


class RunStillRunningError(ConflictError):
    """サーバの上でまだ走っているので、記録を消せない。"""

    code = "run_still_running"


class RunInUseError(ConflictError):
    """まだ終わっていない実行の走り。止めるなら、実行のほうを中止する。"""

    code = "run_in_use"


class RunSurvivedError(ConflictError):
    """止めたが、消えないプロセスがある。記録は残す。"""

    code = "run_survived"

    def __init__(self, survivors: Sequence[int]) -> None:
        pids = " ".join(str(pid) for pid in survivors)
        super().__init__(f"These processes did not end: {pids}", params={"pids": pids})


class LeaseLostError(Exception):
    """ほかのワーカーが引き継いだ。手を引くこと(書いても通らない)。"""


class LogRefusedError(Exception):
    """置き場が、この一切れを受け取らない。待っても変わらない。"""


class SecretsNeededError(ConflictError):
    """前の実行に渡した秘密は、もうない。もう一度渡すこと。"""

    code = "secrets_needed"


class SecretUnusableError(Exception):
    """しまってある秘密を開けない。何が開けないかは文にある。"""


class DownloadTicketError(PermissionDeniedError):
    """ログを落とす券が、使われたか、期限が切れたか、作りもの。"""

    code = "download_ticket_invalid"


class SearchPatternError(InvalidInputError):
    """探すものとして読めない。"""

    code = "search_pattern_invalid"

    def __init__(self, problem: str) -> None:
        super().__init__([FieldError("q", "search_pattern_invalid", problem)])
        self.params = {"problem": problem}


class SearchBusyError(BusyError):
    """このプロセスで開いている検索が多すぎる。"""

    code = "search_busy"
