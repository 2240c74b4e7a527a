"""終わり方の理由。状態だけでは分からない「なぜ」を、機械が読む名前で持つ。

届かなかった理由は ``ConnectionProblem.code`` をそのまま使い、ここには走りに固有のものだけを並べる。
文(日本語・英語)と次の一手は、画面の訳の ``reasons.<名前>`` にある。
"""

import signal
from enum import StrEnum
from typing import Final

_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127
_SIGNAL_BASE: Final = 128
_SIGNALS: Final = frozenset(member.value for member in signal.Signals)


class Reason(StrEnum):
    EXIT_NONZERO = "exit_nonzero"
    COMMAND_NOT_FOUND = "command_not_found"
    COMMAND_NOT_EXECUTABLE = "command_not_executable"
    KILLED_BY_SIGNAL = "killed_by_signal"
    WORKING_DIRECTORY = "working_directory_missing"
    INTERPRETER = "interpreter_missing"
    DISK_FULL = "disk_full"
    LOG_INCOMPLETE = "log_incomplete"
    """成功したが、満杯でログの一部が書かれなかったおそれがある。"""
    NO_RUN_DIRECTORY = "no_run_directory"
    CANCELLED_BY_USER = "cancelled_by_user"
    CANCEL_UNCONFIRMED = "cancel_unconfirmed"
    """中止を求められたが、サーバに届かず、止まったかどうか確かめられなかった。"""
    TIMED_OUT = "timed_out"
    CONTACT_LOST = "contact_lost"
    """連絡がないまま続けてよい長さを過ぎたので、サーバの上の見張りが止めた。"""
    REBOOTED = "server_rebooted"
    RUNNER_KILLED = "runner_killed"
    RUN_FORGOTTEN = "run_forgotten"
    NEVER_STARTED = "never_started"
    START_REFUSED = "start_refused"
    SECRET_UNUSABLE = "secret_unusable"  # noqa: S105  理由の名前であり、秘密の値ではない
    """しまってある秘密を開けない。"""
    SECRET_FILES = "secret_files_not_written"  # noqa: S105
    """秘密のファイルをサーバに置けなかった(満杯など)。"""
    SERVER_DELETED = "server_deleted"
    JOB_BUSY = "job_busy"
    """ジョブの同時実行の枠が一杯で、飛ばした。"""
    REPLACED = "replaced"
    """同じジョブの新しい実行に、場所を譲った。"""
    STRATEGY_STOPPED = "strategy_stopped"
    """失敗が許した数を超え、始めずに終えた。"""


def of_exit_code(exit_code: int) -> Reason | None:
    """終了コードの理由。0 なら ``None``。

    シェルは、命令が見つからないと 127、動かせないと 126、シグナルで死ぬと 128 + 番号を返す
    (POSIX.1-2024 Shell & Utilities 2.8.2)。スクリプトが自分でこの値を返すこともあるので、
    画面の文は「おそらく」と言う。
    """
    if exit_code == 0:
        return None
    if exit_code == _NOT_EXECUTABLE:
        return Reason.COMMAND_NOT_EXECUTABLE
    if exit_code == _NOT_FOUND:
        return Reason.COMMAND_NOT_FOUND
    if exit_code - _SIGNAL_BASE in _SIGNALS:
        return Reason.KILLED_BY_SIGNAL
    return Reason.EXIT_NONZERO
