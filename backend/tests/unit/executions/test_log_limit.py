"""ログの大きさの上限と、届いた時刻の控え。"""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tsubame.business.executions.log_arrivals import Arrival, ArrivalNotes
from tsubame.business.executions.log_limit import LogGap, LogLimit
from tsubame.data_access.logstore.arrivals import decode, encode


def test_no_limit_is_no_limit() -> None:
    """上限がなければ、省かない。"""
    assert LogLimit.of(None) is None


def test_default_limit_keeps_half_and_half() -> None:
    """1 GiB なら頭と末尾を 512 MiB ずつ残し、8 MiB ごとに省く。"""
    gib, mib = 1024**3, 1024**2
    limit = LogLimit.of(gib)
    assert limit == LogLimit(gib // 2, gib // 2, 8 * mib)
    assert limit.gap_end(gib + 8 * mib - 1) is None
    assert limit.gap_end(gib + 8 * mib) == gib // 2 + 8 * mib
    assert limit.gap_end(5 * gib) == 5 * gib - gib // 2


@given(
    data=st.lists(st.sampled_from([b"\n", b"a", b"bc", b"x" * 20]), max_size=80).map(b"".join),
    blocks=st.lists(st.integers(1, 40), max_size=80),
    most=st.integers(2, 120),
)
def test_seams_are_near_and_at_line_starts(data: bytes, blocks: list[int], most: int) -> None:
    """どの境の手前にも、一歩より近くに切れ目があり、そこは行の頭か、境そのもの。"""
    limit = LogLimit.of(most)
    assert limit is not None
    starts: list[int] = []
    at, sizes = 0, itertools.cycle(blocks or [7])
    while at < len(data):
        block = data[at : at + next(sizes)]
        starts_line = at == 0 or data[at - 1 : at] == b"\n"
        cuts = list(limit.cuts(at, block, starts_line=starts_line))
        assert bool(cuts) <= limit.touches(at, at + len(block))
        assert cuts == sorted(set(cuts))
        assert all(0 < cut < len(block) for cut in cuts)
        starts += [at, *(at + cut for cut in cuts)]
        at += len(block)
    for seam in range(limit.head, len(data), limit.step):
        chosen = max(start for start in starts if start <= seam)
        assert chosen > seam - limit.step
        assert chosen in {0, seam} or data[chosen - 1 : chosen] == b"\n"


def test_gap_names_the_missing_lines() -> None:
    """丸ごとない行がなければ、最後は最初の一つ手前。"""
    assert (LogGap(10, 30, 3, 8).bytes, LogGap(10, 30, 3, 8).last_line) == (20, 7)
    assert LogGap(10, 30, 3, 3).last_line == 2
    assert LogGap(10, 30, 3, 2).last_line == 2


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-30, 400)), min_size=1, max_size=400))
def test_arrivals_are_thinned_and_come_back(steps: list[tuple[int, int]]) -> None:
    """何度届いても控えは 64 個までで、時刻は戻らず、しまって取り出しても変わらない。"""
    notes, offset, at_ms = ArrivalNotes(), 0, 1_700_000_000_000
    for size, pause in steps:
        at_ms += pause
        notes.note(offset, at_ms)
        offset += size
    kept = notes.between(0, offset + 1)
    assert kept[0].offset == 0
    assert len(kept) <= 65
    assert all(later.at_ms - earlier.at_ms >= 10 for earlier, later in itertools.pairwise(kept))
    assert decode(encode(kept)) == list(kept)


def test_arrivals_of_a_part() -> None:
    """切り出したかたまりの控えは、その前から続く時刻で始まる。"""
    notes = ArrivalNotes()
    for offset, at_ms in [(0, 100), (10, 105), (20, 120), (30, 200)]:
        notes.note(offset, at_ms)
    assert notes.between(25, 40) == (Arrival(0, 120), Arrival(5, 200))
    assert notes.between(0, 20) == (Arrival(0, 100),)
    assert len(encode(notes.between(0, 20))) == 1
    assert len(encode([Arrival(0, 1_732_440_000_123)])) == 6
