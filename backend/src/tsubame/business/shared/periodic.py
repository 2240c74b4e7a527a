"""決まった間隔で繰り返す仕事。"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tsubame.business.shared.errors import UnavailableError

_log = logging.getLogger(__name__)


async def every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """すぐ一度、その後は ``seconds`` 秒おきに行う。取り消されるまで終わらない。

    データベースに届かないあいだは飛ばす。次の回が拾うので、失うものはない。
    """
    while True:
        try:
            await work()
        except UnavailableError as problem:
            _log.warning("periodic_work_skipped reason=%s", problem.code)
        await asyncio.sleep(seconds)
