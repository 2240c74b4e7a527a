"""sudo を通り抜けるまでの受付。"""

import asyncio
from typing import Final

from tsubame.business.servers.entities import Sudo
from tsubame.business.servers.errors import (
    ConnectionProblem,
    SudoMissingError,
    SudoNotAllowedError,
    SudoPasswordWrongError,
)
from tsubame.data_access.ssh.control_lines import PREFIX, ControlLine, ControlReader

_GATE_VERBS: Final = frozenset({"nosudo", "sudo", "in"})


class SudoGate:
    """一つの命令の、sudo とのやり取り。``sudo`` が ``None`` なら、初めから通り抜けている。

    ``passed`` は、通り抜けるか、チャンネルが閉じると立つ。

    パスワードは、sudo が求めたときに、標準入力へ一度だけ渡す。先に流し込まないのは、求められなければ
    (NOPASSWD)残った一行がスクリプトと取り違えられ、違っていれば sudo が続きの行を二度目の答えとして
    読むため。
    """

    def __init__(self, sudo: Sudo | None, nonce: str) -> None:
        self.passed = asyncio.Event()
        self.problem: ConnectionProblem | None = None
        self._prompt = PREFIX + nonce.encode("ascii") + b" password "
        self._password = None if sudo is None else sudo.password
        self._entered = self._answered = self._inside = False
        if sudo is None:
            self.passed.set()

    def hears(self, line: ControlLine) -> bool:
        """この行は受付のものか。"""
        if line.verb == "nosudo":
            self.problem = SudoMissingError("There is no sudo on the server.")
        self._entered |= line.verb == "sudo"
        if line.verb == "in":
            self._inside = True
            self.passed.set()
        return line.verb in _GATE_VERBS

    def answer(self, control: ControlReader) -> bytes | None:
        """求められていれば、答える一行。二度目の求めは、一度目が違っていたということ。"""
        if self._inside or not control.take(self._prompt):
            return None
        if self._answered or self._password is None:
            self.problem = SudoPasswordWrongError("sudo did not accept the password.")
            return None
        self._answered = True
        return self._password.reveal().encode() + b"\n"

    def refusal(self, noise: str) -> ConnectionProblem | None:
        """通り抜けないまま閉じたわけ。sudo にたどり着いてもいなければ ``None``。"""
        if self.problem is not None or self._inside or not self._entered:
            return self.problem
        if self._answered and "incorrect password" in noise:
            return SudoPasswordWrongError("sudo did not accept the password.")
        return SudoNotAllowedError(f"sudo refused. It said: {noise or '(nothing)'}")
