"""docs/security.md の表が、標準の全部を数え、実在するものだけを指す。"""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)
MET, NOT_APPLICABLE, UNMET = "満たす", "当てはまらない", "満たさない"
BY_READING = frozenset({
    # 文書を求めるもの
    "2.1.2", "2.1.3", "3.5.4", "6.1.1", "6.1.3", "7.1.1", "7.1.2", "7.1.3", "8.1.1", "11.1.2", "13.1.1",
    "14.1.1", "14.1.2", "15.1.1", "15.1.2", "15.1.3", "16.1.1",
    # 作りの選び方。使う物の一覧と、ruff の規則が示す
    "1.3.10", "1.4.1", "3.7.1", "11.2.1", "11.2.3", "11.4.1", "11.6.1",
})  # fmt: skip
"""「満たす」のうち、動かして確かめるものではない行。"""
# OWASP ASVS 5.0.0 の、章ごとの数(レベル 1 と 2)
REQUIREMENTS = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7, 10: 29, 11: 14, 12: 9, 13: 13,
    14: 9, 15: 13, 16: 16, 17: 7,
}  # fmt: skip


def test_every_requirement_has_one_row() -> None:
    """レベル 1 と 2 の 253 が、章ごとに一つも欠けず、二つもない。"""
    numbers = [row[0] for row in ROWS]
    assert len(set(numbers)) == len(numbers)
    assert Counter(int(number.split(".")[0]) for number in numbers) == REQUIREMENTS
    assert Counter(row[1] for row in ROWS) == {"1": 70, "2": 183}


def test_summary_counts_the_rows() -> None:
    """はじめの一行の数は、表を数えたものと同じ。"""
    states = Counter(row[3] for row in ROWS)
    assert set(states) == {MET, NOT_APPLICABLE, UNMET}
    summary = f"満たす {states[MET]}、当てはまらない {states[NOT_APPLICABLE]}、満たさない {states[UNMET]}。"
    assert summary in TEXT


def test_every_met_row_names_a_test() -> None:
    """「満たす」と書いた行は、どれも試験を名指しする。文書を求める行は、その文書を。"""
    untested = {
        number
        for number, _, _, state, shown in ROWS
        if state == MET and "backend/tests/" not in shown and ".test.ts" not in shown
    }
    assert untested == BY_READING


def test_what_the_table_points_at_exists() -> None:
    """示すものとして書いたファイルも、名指しした試験も、どれもある。"""
    named = re.findall(r"`((?:backend|frontend|docs|tools)/[^`]+|Dockerfile|compose\.yml)`", TEXT)
    paths = [path.partition("::") for path in named]
    missing = {path for path, _, _ in paths if not list(ROOT.glob(path.rstrip("/")))}
    missing |= {test for path, _, test in paths if test and f"def {test}(" not in (ROOT / path).read_text()}
    assert len(paths) > 100
    assert missing == set()
