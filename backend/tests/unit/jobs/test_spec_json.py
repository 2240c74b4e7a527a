"""写し取った中身は、欄が増える前のものも読める。"""

from dataclasses import replace

from harness.executions import SPEC
from tsubame.data_access.repositories.spec_json import SpecJson, from_json, to_json


def test_round_trip() -> None:
    """しまって読めば、元と同じ。"""
    spec = replace(
        SPEC, env=(("A", "値"), ("B", "")), timeout_s=60, stop_without_contact_s=300, max_log_bytes=2**20
    )
    assert from_json(to_json(spec)) == spec


def test_snapshot_of_an_older_version() -> None:
    """連絡の決まりがなかった版の写しは、「いつまでも続ける」と読む。"""
    old: SpecJson = {"script": "x", "interpreter": None, "env": {}, "working_directory": None, "timeout_s": 5}
    assert from_json(old).stop_without_contact_s is None
    assert from_json(old).max_log_bytes is None
    assert from_json(old).timeout_s == 5
