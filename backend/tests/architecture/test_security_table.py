"""docs/security.md の表が、標準の全部を数え、実在するものだけを指す。"""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)
MET, NOT_APPLICABLE, UNMET = "満たす", "当てはまらない", "満たさない"
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


def test_what_the_table_points_at_exists() -> None:
    """示すものとして書いたファイルは、どれもある。"""
    paths = re.findall(r"`((?:backend|frontend|docs|tools)/[^`]+|Dockerfile|compose\.yml)`", TEXT)
    missing = sorted({path for path in paths if not list(ROOT.glob(path.rstrip("/")))})
    assert len(paths) > 100
    assert missing == []
