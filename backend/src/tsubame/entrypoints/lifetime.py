"""始まりと終わり: 止める合図を受けたら、全部の仕事を取り消して、片付くのを待つ。"""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any, Final

import uvloop

_GC_THRESHOLD: Final = (20_000, 20, 50)


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """終わるか、SIGINT・SIGTERM を受けるまで動かす。"""
    # 起動で読み込んだ物は最後まで使う。ごみ集めのたびに見直させない
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    # 標準の輪では、忙しいときに最初の一行が十ミリ秒あまり遅れる(bench/press_to_first_byte.py)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_supervise(work))


async def _supervise(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work, name="main")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    """同時に倒れた仕事のうち、最初の原因。入口が一文で説明できるように、群れから取り出す。"""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
