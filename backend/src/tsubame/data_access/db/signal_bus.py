"""NOTIFY を、プロセスの中の聞き手たちへ配る。"""

from collections.abc import Callable, Sequence

from tsubame.business.shared.signals import Signal
from tsubame.data_access.db.listener import ListenCallbacks, Listener
from tsubame.data_access.db.signals import CHANNEL, decode


class PostgresSignalBus:
    """プロセスに一つ。接続も一本だけ使う。"""

    def __init__(self, url: str, marks: Sequence[str] = ()) -> None:
        """``marks`` は、つながるたびに行う文(``crypto/key_marks.py``)。"""
        self._subscribers: dict[object, tuple[Callable[[Signal], None], Callable[[], None]]] = {}
        self._listener = Listener(url, [CHANNEL], ListenCallbacks(self._on_notify, self._on_connect), marks)

    async def run(self) -> None:
        """取り消されるまで聞き続ける。"""
        await self._listener.run()

    def subscribe(
        self, on_signal: Callable[[Signal], None], on_gap: Callable[[], None]
    ) -> Callable[[], None]:
        key = object()
        self._subscribers[key] = (on_signal, on_gap)
        return lambda: self._subscribers.pop(key, None) and None

    def _on_notify(self, channel: str, payload: str) -> None:
        del channel  # 聞いているのは一つだけ
        signal = decode(payload)
        for on_signal, _ in list(self._subscribers.values()):
            on_signal(signal)

    def _on_connect(self) -> None:
        # 切れていたあいだの合図は届かない。つながるたびに、全員に読み直させる
        for _, on_gap in list(self._subscribers.values()):
            on_gap()
