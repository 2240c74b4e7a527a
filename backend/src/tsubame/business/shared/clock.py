"""時刻の口。試験が時を進められるよう、業務は ``datetime.now`` を直に呼ばない。"""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """協定世界時の、帯つきの現在時刻。"""
        ...
