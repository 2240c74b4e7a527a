"""トークンの値の形。"""

import re

import pytest

from tsubame.business.tokens.values import is_token, is_well_formed, new_value


def test_values_are_recognizable_and_all_different() -> None:
    """どれも同じ形で、見つける道具が正規表現一つで拾え、検査の字が合う。"""
    made = [new_value().reveal() for _ in range(500)]
    assert len(set(made)) == 500
    assert all(re.fullmatch(r"tsb_[0-9A-Za-z]{36}", value) and is_well_formed(value) for value in made)


@pytest.mark.parametrize("place", [4, 20, 33, 34, 39])
def test_a_typing_mistake_is_noticed(place: int) -> None:
    """一字違えば、尋ねる前に分かる。"""
    value = new_value().reveal()
    other = "A" if value[place] != "A" else "B"
    assert not is_well_formed(value[:place] + other + value[place + 1 :])


@pytest.mark.parametrize("value", ["", "tsb_", "tsb_short", "eyJhbGciOi.x.y", "tsb_" + "é" * 36])
def test_other_things_are_not_tokens(value: str) -> None:
    """通行証や切れ端は、トークンとして通らない。"""
    assert not is_well_formed(value)
    assert is_token(value) is value.startswith("tsb_")
