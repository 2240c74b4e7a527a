"""合図を、開いている WebSocket の郵便受けへ配る。中身は運ばない。"""

import contextlib
from collections.abc import Iterator

from tsubame.business.shared.signals import Signal, SignalBus
from tsubame.presentation.ws.mailbox import Mailbox


class Hub:
    def __init__(self, bus: SignalBus) -> None:
        self._mailboxes: set[Mailbox] = set()
        self._unsubscribe = bus.subscribe(self._on_signal, self._on_gap)

    @contextlib.contextmanager
    def mailbox(self) -> Iterator[Mailbox]:
        mailbox = Mailbox()
        self._mailboxes.add(mailbox)
        try:
            yield mailbox
        finally:
            self._mailboxes.discard(mailbox)

    def _on_signal(self, signal: Signal) -> None:
        for mailbox in self._mailboxes:
            mailbox.put(signal)

    def _on_gap(self) -> None:
        for mailbox in self._mailboxes:
            mailbox.put_gap()

    def close(self) -> None:
        self._unsubscribe()
