"""パスワードの決まり。"""

import pytest

from tsubame.business.shared.secret import Secret
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.users.common_passwords import is_common
from tsubame.business.users.password_policy import check_password, one_time_password


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "qwertyuiop",
        "Password123",  # 大文字小文字を変え、数字を足した
        "!!dragon2026!!",
        "asdfasdfasdf",  # 繰り返した
        "TSUBAME-CI-2026",
        "aaaaaaaaaaaa",
        "abababababab",
    ],
)
def test_what_attackers_try_first_is_common(password: str) -> None:
    """一覧の言葉も、それに数字や記号を足したものも、繰り返したものも断る。"""
    assert is_common(password)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "k7mpx-9wq2d-hh3ve", "つばめ は ひくく とぶ", "zxq-17-plover-82"]
)
def test_long_unlisted_passwords_pass(password: str) -> None:
    """一覧にない長いものは、記号や大文字がなくても通る。"""
    errors = FieldErrors()
    check_password("yuki", Secret(password), errors)
    errors.raise_if_any()
    assert not is_common(password)


def test_one_time_passwords_pass_their_own_rule() -> None:
    """配る一度きりのパスワードは、毎回違い、決まりにかなう。"""
    made = [one_time_password().reveal() for _ in range(200)]
    assert len(set(made)) == 200
    for password in made:
        errors = FieldErrors()
        check_password("yuki", Secret(password), errors)
        errors.raise_if_any()
