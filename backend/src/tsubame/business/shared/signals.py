"""合図。何かが変わったことだけを伝え、中身は運ばない(中身はいつもデータベースから読む)。

合図は失われうる。受け手は、つなぎ直したときと一定の間隔で読み直すこと。
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class SignalKind(StrEnum):
    LOG = "log"
    """対象のログが伸びた。番号は対象。"""
    EXECUTION = "execution"
    """実行か、その対象の状態が変わった。番号は実行。"""
    CANCEL = "cancel"
    """中止が求められた。番号は対象。"""
    QUEUE = "queue"
    """待ち行列が動けるかもしれない(空きができた、上限が変わった)。番号はいつも 0。"""
    SERVER = "server"
    CREDENTIAL = "credential"
    JOB = "job"
    USER = "user"
    """利用者か、そのログインが変わった。開いている WebSocket は、続けてよいかを確かめ直す。"""
    TOKEN = "token"  # noqa: S105  種類の名前であり、秘密の値ではない
    """API トークンが取り消された。番号はトークン。"""
    WORKER = "worker"
    """ワーカーが来た・去った、または引き受けを止められた。番号はワーカー。"""


@dataclass(frozen=True, slots=True)
class Signal:
    kind: SignalKind
    ids: tuple[int, ...]


class Signals(Protocol):
    """送る口。取引の中で呼び、確定と同時に届く。"""

    async def send(self, kind: SignalKind, ids: Sequence[int]) -> None: ...


class SignalBus(Protocol):
    """受ける口。"""

    def subscribe(
        self, on_signal: Callable[[Signal], None], on_gap: Callable[[], None]
    ) -> Callable[[], None]:
        """合図のたびに ``on_signal``、取りこぼしたおそれがあるたびに ``on_gap`` を呼ぶ。

        どちらも素早く戻ること(目印を立てるだけにする)。戻り値を呼ぶと受け取りをやめる。
        """
        ...
