"""パスワードの決まり。長さを主にし、記号の強制はしない(NIST SP 800-63B §5.1.1.2)。"""

import secrets
import unicodedata
from datetime import timedelta
from typing import Final

from tsubame.business.shared.secret import Secret
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.users.common_passwords import is_common

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 1024
ONE_TIME_LIFETIME: Final = timedelta(days=7)
"""渡した一度きりのパスワードで、はじめて入るまでの期限。"""
# 0 と O、1 と l のように紛れる字を除いた
_CLEAR: Final = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS: Final = 4
_GROUP: Final = 5


def normal(password: Secret) -> Secret:
    """同じ見た目の文字が、打つ機械によって違うバイトにならないようにする(RFC 8265)。"""
    return Secret(unicodedata.normalize("NFC", password.reveal()))


def check_password(username: str, password: Secret, errors: FieldErrors, field: str = "password") -> None:
    """決まりに合わないところを ``errors`` に足す。"""
    value = password.reveal()
    plain = value.casefold()
    if len(value) < MIN_LENGTH:
        errors.add(
            field, "password_too_short", f"The password must be at least {MIN_LENGTH} characters long."
        )
    elif len(value) > MAX_LENGTH:
        errors.add(field, "too_long", f"The password must be at most {MAX_LENGTH} characters long.")
    elif "\0" in value or any(unicodedata.category(character) == "Cs" for character in value):
        errors.add(field, "nul_character", "The password contains a character that cannot be typed.")
    elif plain == username.strip().casefold():
        errors.add(field, "password_is_username", "The password must differ from the user name.")
    elif is_common(value):
        errors.add(field, "password_common", "This password is among the first that attackers try.")


def one_time_password() -> Secret:
    """一度きりのパスワード。読み上げても間違えにくい、百ビットほどの乱数。"""
    groups = ("".join(secrets.choice(_CLEAR) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return Secret("-".join(groups))
