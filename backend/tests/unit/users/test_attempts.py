"""当てずっぽうの数え方。"""

from datetime import UTC, datetime, timedelta

import pytest

from tsubame.business.shared.ids import UserId
from tsubame.business.users.attempts import (
    FORGET_AFTER,
    Budget,
    Tally,
    for_stranger,
    pause_after,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BUDGET = Budget("x", free=2)


def test_waits_double_and_are_capped() -> None:
    """待ち時間は二秒から倍々になり、十五分で止まる。何千回続いても、あふれない。"""
    seconds = [
        pause.total_seconds() if (pause := pause_after(over, timedelta(minutes=15))) else 0
        for over in (0, 1, 2, 3, 9, 10, 5000)
    ]
    assert seconds == [0, 2, 4, 8, 512, 900, 900]


def test_free_attempts_do_not_wait() -> None:
    """待たせない数までは待たせず、その次から待たせる。"""
    tally = Tally(0, None, NOW)
    waits = []
    for _ in range(4):
        tally = tally.charged(BUDGET, NOW)
        waits.append(tally.wait(NOW).total_seconds())
    assert waits == [0, 0, 2, 4]


def test_quiet_time_forgets() -> None:
    """一時間静かなら、はじめから数え直す。"""
    tired = Tally(50, None, NOW)
    assert tired.charged(BUDGET, NOW + FORGET_AFTER - timedelta(seconds=1)).attempts == 51
    assert tired.charged(BUDGET, NOW + FORGET_AFTER).attempts == 1


def test_success_takes_back_one() -> None:
    """皆の数え先では、当たった一回だけを引く。積もった間違いは消えない。"""
    assert Tally(60, NOW, NOW).refunded() == Tally(59, None, NOW)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
    ],
)
def test_addresses_are_gathered_by_who_holds_them(one: str, other: str, same: bool) -> None:
    """IPv6 は /64 ごと、IPv4 は一つずつ。"""
    assert (for_stranger(None, "a", one)[2] == for_stranger(None, "b", other)[2]) is same
    assert (for_stranger(None, "a", one)[0] == for_stranger(None, "a", other)[0]) is same


def test_typed_names_are_not_kept() -> None:
    """いない名前は、打たれたままでは残さない(うっかり打ったパスワードかもしれない)。"""
    typed = for_stranger(None, "hunter2", "192.0.2.1")
    assert not any("hunter2" in budget.key for budget in typed)
    assert for_stranger(None, " Hunter2 ", "192.0.2.1") == typed
    assert for_stranger(UserId(7), "anything", "192.0.2.1")[1].key == "account 7"
