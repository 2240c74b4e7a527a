"""事実が成り立つまで待つ。決めた秒数だけ眠る試験を書かないための、ただ 1 つの道具。"""

import asyncio
import inspect
import time
from collections.abc import Callable

import psutil

_POLL = 0.01


def wait_until(fact: Callable[[], object], what: str, seconds: float = 10) -> float:
    """`fact` が真になるまで待ち、かかった秒を返す。ならなければ `what` を言って落ちる。"""
    started = time.monotonic()
    while not fact():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"{seconds} 秒のうちに成り立たなかった: {what}")
        time.sleep(_POLL)
    return time.monotonic() - started


async def eventually(fact: Callable[[], object], what: str, seconds: float = 10) -> float:
    """`wait_until` の async 版。`fact` は普通の関数でも async 関数でもよい。"""
    started = time.monotonic()
    while True:
        answer = fact()
        if await answer if inspect.isawaitable(answer) else answer:
            return time.monotonic() - started
        if time.monotonic() - started > seconds:
            raise AssertionError(f"{seconds} 秒のうちに成り立たなかった: {what}")
        await asyncio.sleep(_POLL)


def is_running(pid: int) -> bool:
    """そのプロセスが動いているか。親に看取られるのを待つだけの亡骸(zombie)は、動いていない。"""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
