"""このプロセスと機械の様子。"""

import os
import resource
from pathlib import Path
from typing import Final

from tsubame.business.workers.entities import Vitals

_STATM: Final = Path("/proc/self/statm")


def vitals() -> Vitals:
    return Vitals(load=round(os.getloadavg()[0], 2), cpu_count=os.cpu_count() or 1, rss_bytes=_rss_bytes())


def _rss_bytes() -> int:
    try:
        pages = int(_STATM.read_text().split()[1])
    except FileNotFoundError:
        # macOS には /proc がない。今ではなく最大だが、桁は分かる
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()
