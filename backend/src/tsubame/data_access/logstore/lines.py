"""行を数え、切り出す(純粋な部品)。"""

from typing import Final

# 一度に返す量がこれを超えたら、残りの行は頭だけにする。2,000 行がどれも長くても溢れないように
_GENEROUS_BYTES: Final = 8 * 1024 * 1024
_BRIEF_BYTES: Final = 1024


def after_newlines(data: bytes, count: int) -> int:
    """先頭から ``count`` 個目の改行の次の位置。``data`` にはそれだけの改行があること。

    半分ずつ数えるので、改行だらけでも、行の一覧を作らずに済む。
    """
    low, high, remaining = 0, len(data), count
    while remaining > 0 and high - low > 1:
        middle = (low + high) // 2
        found = data.count(b"\n", low, middle)
        if found >= remaining:
            high = middle
        else:
            remaining -= found
            low = middle
    return high if count > 0 else 0


class LineCutter:
    """続きを順に受け取り、求めた数の行を集める。長すぎる行は切り、改行は残す。

    Attributes:
        truncated: 切った行がある。
        finished: 改行まで集めた行の数。
    """

    def __init__(self, count: int, max_line_bytes: int) -> None:
        self.truncated = False
        self._wanted = count
        self._max = max_line_bytes
        self._out: list[bytes] = []
        self._size = 0
        self.finished = 0
        self._line = 0
        """今の行から集めたバイト数。"""
        self._open = False

    @property
    def done(self) -> bool:
        return self.finished >= self._wanted

    @property
    def skipping(self) -> bool:
        """今の行はもう十分に集めた。次の改行までは要らない。"""
        return self._line >= self._limit()

    @property
    def count(self) -> int:
        """集めた行の数。途中の行も 1 と数える。"""
        return self.finished + int(self._open)

    @property
    def data(self) -> bytes:
        return b"".join(self._out)

    def feed(self, data: bytes) -> None:
        rows = data.split(b"\n", self._wanted - self.finished)
        longest = max(map(len, rows[:-1]), default=0)
        if self._line + longest <= self._limit() and self._size + len(data) < _GENEROUS_BYTES:
            # ふつうのログはここだけを通る。一行ずつ足すより速い
            self._take_whole(data[: len(data) - len(rows[-1])], len(rows) - 1)
        else:
            for row in rows[:-1]:
                self._add(row)
                self._take_whole(b"\n", 1)
        if rows[-1] and not self.done:
            self._add(rows[-1])

    def _take_whole(self, data: bytes, newlines: int) -> None:
        self._out.append(data)
        self._size += len(data)
        self.finished += newlines
        if newlines:
            self._line, self._open = 0, False

    def _limit(self) -> int:
        return self._max if self._size < _GENEROUS_BYTES else min(self._max, _BRIEF_BYTES)

    def _add(self, row: bytes) -> None:
        kept = row[: max(0, self._limit() - self._line)]
        self.truncated |= len(kept) < len(row)
        if kept:
            self._out.append(kept)
        self._size += len(kept)
        self._line += len(kept)
        self._open = True
