"""作戦: 波の切り方と、対象が終わるたびの次の一手。"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsubame.business.executions.strategies import (
    Progress,
    Step,
    next_step,
    plan_waves,
    wave_to_open_on_continue,
)
from tsubame.business.jobs.policies import OnFailures, Strategy

# 十台のうち、二台が終わり、開いている波は空、次の波に八台が待つ
RESTING = Progress(
    total=10,
    failures=0,
    accepted_failures=0,
    unfinished_in_open_waves=0,
    waiting=8,
    next_wave=1,
    paused=False,
)
WAVES = Strategy(waves=("2", "100%"))
SIZES = st.one_of(st.integers(1, 50).map(str), st.integers(1, 100).map(lambda percent: f"{percent}%"))


@pytest.mark.parametrize(
    ("sizes", "total", "expected"),
    [
        ((), 3, [3]),
        (("1", "10%", "100%"), 20, [1, 2, 17]),
        (("1", "10%"), 20, [1, 2, 17]),
        (("1", "2", "3"), 20, [1, 2, 3, 14]),
        (("10%",), 1, [1]),
        (("33%", "33%", "34%"), 10, [4, 4, 2]),
        (("50",), 20, [20]),
        (("5", "5", "5"), 7, [5, 2]),
    ],
)
def test_wave_sizes(sizes: tuple[str, ...], total: int, expected: list[int]) -> None:
    """台数はそのまま、割合は全体に対して切り上げ、残りは最後の波。"""
    waves = plan_waves(Strategy(waves=sizes), total)
    assert [waves.count(number) for number in range(max(waves) + 1)] == expected


@given(st.lists(SIZES, max_size=10), st.integers(1, 300))
def test_every_target_has_a_wave(sizes: list[str], total: int) -> None:
    """どんな大きさでも、全部の対象が、切れ目なく番号の増える波に入る。"""
    waves = plan_waves(Strategy(waves=tuple(sizes)), total)
    assert len(waves) == total
    assert sorted(set(waves)) == list(range(max(waves) + 1))
    assert list(waves) == sorted(waves)


@pytest.mark.parametrize(
    ("strategy", "progress", "expected"),
    [
        # 波
        (WAVES, RESTING, Step.OPEN_NEXT_WAVE),
        (WAVES, replace(RESTING, unfinished_in_open_waves=1), Step.GO_ON),
        (WAVES, replace(RESTING, waiting=0, next_wave=None), Step.GO_ON),
        (WAVES, replace(RESTING, paused=True), Step.GO_ON),
        (WAVES, replace(RESTING, failures=2), Step.OPEN_NEXT_WAVE),
        (replace(WAVES, pause_between_waves=True), RESTING, Step.PAUSE_BETWEEN_WAVES),
        (replace(WAVES, pause_between_waves=True), replace(RESTING, paused=True), Step.GO_ON),
        # 失敗
        (replace(WAVES, max_failures="0"), RESTING, Step.OPEN_NEXT_WAVE),
        (replace(WAVES, max_failures="0"), replace(RESTING, failures=1), Step.STOP),
        (replace(WAVES, max_failures="1"), replace(RESTING, failures=1), Step.OPEN_NEXT_WAVE),
        (replace(WAVES, max_failures="1"), replace(RESTING, failures=2), Step.STOP),
        (replace(WAVES, max_failures="20%"), replace(RESTING, failures=2), Step.OPEN_NEXT_WAVE),
        (replace(WAVES, max_failures="20%"), replace(RESTING, failures=3), Step.STOP),
        (replace(WAVES, max_failures="9%"), replace(RESTING, failures=1), Step.STOP),
        # 失敗で止めるのは、ほかの対象がまだ動いていても
        (
            Strategy(max_failures="0"),
            replace(RESTING, failures=1, unfinished_in_open_waves=5, next_wave=None),
            Step.STOP,
        ),
        # 待っているものがなければ、止めても意味がない
        (Strategy(max_failures="0"), replace(RESTING, failures=1, waiting=0, next_wave=None), Step.GO_ON),
        # 人が許した失敗は数えない
        (
            replace(WAVES, max_failures="0"),
            replace(RESTING, failures=3, accepted_failures=3),
            Step.OPEN_NEXT_WAVE,
        ),
        (replace(WAVES, max_failures="1"), replace(RESTING, failures=5, accepted_failures=3), Step.STOP),
        # 待たせる
        (
            Strategy(max_failures="0", on_failures=OnFailures.PAUSE),
            replace(RESTING, failures=1),
            Step.PAUSE_FOR_FAILURES,
        ),
        (
            Strategy(max_failures="0", on_failures=OnFailures.PAUSE),
            replace(RESTING, failures=1, paused=True),
            Step.GO_ON,
        ),
        # 人が待たせているあいだでも、許した数を超えたら止める
        (Strategy(max_failures="0"), replace(RESTING, failures=1, paused=True), Step.STOP),
    ],
)
def test_next_step(strategy: Strategy, progress: Progress, expected: Step) -> None:
    """失敗の数が先、波が後。"""
    assert next_step(strategy, progress) is expected


def test_continue_opens_the_next_wave_only_when_this_one_ended() -> None:
    """続けると、終わった波の次が開く。波の途中で待たせていたなら、その波の残りから。"""
    paused = replace(RESTING, paused=True)
    assert wave_to_open_on_continue(paused) == 1
    assert wave_to_open_on_continue(replace(paused, unfinished_in_open_waves=1)) is None
    assert wave_to_open_on_continue(replace(paused, next_wave=None)) is None
