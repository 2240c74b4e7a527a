"""パスワードの決まり。長さを主にし、記号の強制はしない(NIST SP 800-63B §5.1.1.2)。"""

import unicodedata
from typing import Final

from tsubame.business.shared.secret import Secret
from tsubame.business.shared.validation import FieldErrors

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 1024

# 十文字以上のうち、漏れた一覧の上位に繰り返し現れるもの。短いものは長さで断るので載せない
_COMMON_WORDS: Final = """
    0123456789 0987654321 1029384756 1111111111 1122334455 123123123123 1234512345 1234567890
    12345678900 12345678901 12345678910 1234567891 123456789a 12345qwert 147258369 1q2w3e4r5t
    1q2w3e4r5t6y 1qaz2wsx3edc 3rjs1la7qe 9876543210 a123456789 a1b2c3d4e5 aa12345678 aa123456789
    abc123456789 abcd123456 abcd1234567 abcdefghij abcdefghijk admin12345 admin123456 adminadmin
    administrator asdfasdfasdf asdfghjkl1 asdfghjkl123 baseball123 changeme12 changeme123 chocolate1
    football123 g_czechout helloworld iloveyou12 iloveyou123 letmein123 letmein1234 liverpool1
    manchester michelle123 password00 password01 password10 password11 password12 password123
    password1234 password12345 password123456 password99 passw0rd12 passw0rd123 passwordpassword
    princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv qwer123456 qwerasdfzxcv qwerty1234 qwerty12345
    qwerty123456 qwertyqwerty qwertyuiop qwertyuiop1 qwertyuiop123 rootroot12 rootrootroot spongebob1
    sunshine123 superman123 supervisor test123456 testtest12 testtesttest trustno1trustno1
    tsubame-ci tsubametsubame unknown123 welcome1234 welcome123 zaq12wsxcde3 zxcvbnm123
    zxcvbnm12345 zxcvbnmasdfghjkl
"""
COMMON: Final = frozenset(_COMMON_WORDS.split())


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
    elif plain in COMMON or len(set(plain)) <= 2:  # noqa: PLR2004  同じ文字の繰り返し
        errors.add(field, "password_common", "This password is among the first that attackers try.")
