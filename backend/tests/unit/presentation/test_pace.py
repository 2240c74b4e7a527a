"""速さの限り(GCRA)。"""

import pytest

from tsubame.presentation.http.pace import Pace, Pacer, TooManyRequestsError

PACE = Pace("test", burst=3, per_second=0.5)


class Hand:
    """手で進める時計。"""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def spent(pacer: Pacer, who: str, times: int) -> int:
    """続けて頼み、通った回数。"""
    passed = 0
    for _ in range(times):
        try:
            pacer.take(PACE, who)
        except TooManyRequestsError:
            break
        passed += 1
    return passed


def test_burst_then_steady() -> None:
    """はじめは続けて三回、そのあとは二秒に一回。待つ秒数は、待てば通る長さ。"""
    clock = Hand()
    pacer = Pacer(clock)
    assert spent(pacer, "a", 10) == 3
    with pytest.raises(TooManyRequestsError) as refused:
        pacer.take(PACE, "a")
    assert refused.value.retry_after_s == 2
    clock.now += 2
    assert spent(pacer, "a", 10) == 1
    clock.now += 1000
    assert spent(pacer, "a", 10) == 3


def test_each_is_counted_apart() -> None:
    """一人が使い切っても、ほかの人と、ほかの道には関わらない。"""
    pacer = Pacer(Hand())
    assert spent(pacer, "a", 10) == 3
    assert spent(pacer, "b", 10) == 3
    pacer.take(Pace("other", 1, 1), "a")


def test_people_behind_an_address_share_more() -> None:
    """五人の後ろの住所なら、五人分まで続けられる。"""
    pacer = Pacer(Hand())
    for _ in range(15):
        pacer.take(PACE, "office", 5)
    with pytest.raises(TooManyRequestsError):
        pacer.take(PACE, "office", 5)


def test_memory_is_bounded() -> None:
    """覚えるのは、まだ待たせる相手だけ。名乗りを変え続けても、記憶は増え続けない。"""
    clock = Hand()
    pacer = Pacer(clock)
    for number in range(25_000):
        clock.now += 1
        pacer.take(PACE, f"u{number}")
    assert len(pacer._next) <= 10_001
