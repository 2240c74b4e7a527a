"""時刻から作る六桁の符号(RFC 6238)と、その QR。"""

import hmac
from datetime import datetime
from typing import Final

import pyotp
import segno

from tsubame.business.auth.second_factor import QrCode
from tsubame.business.shared.secret import Secret

_ISSUER: Final = "tsubame-ci"
_STEP_S: Final = 30
_DIGITS: Final = 6
# 今の段を先に。電話の時計のずれと、打つあいだに段が変わるのを許す
_DRIFTS: Final = (0, -1, 1)
_QUIET_ZONE: Final = 4


class TotpCodes:
    def new_secret(self) -> Secret:
        # 160 ビット。HMAC-SHA-1 の出力と同じ長さ(RFC 4226 §4)
        return Secret(pyotp.random_base32())

    def uri(self, secret: Secret, account: str) -> Secret:
        return Secret(pyotp.TOTP(secret.reveal()).provisioning_uri(name=account, issuer_name=_ISSUER))

    def step_of(self, secret: Secret, code: str, now: datetime) -> int | None:
        typed = "".join(code.split())
        if len(typed) != _DIGITS or not (typed.isascii() and typed.isdecimal()):
            return None
        codes = pyotp.TOTP(secret.reveal(), digits=_DIGITS, interval=_STEP_S)
        current = int(now.timestamp()) // _STEP_S
        for step in (current + drift for drift in _DRIFTS):
            if hmac.compare_digest(codes.generate_otp(step), typed):
                return step
        return None

    def qr(self, uri: Secret) -> QrCode:
        matrix = segno.make(uri.reveal(), error="m", micro=False).matrix
        runs = [run for y, row in enumerate(matrix, _QUIET_ZONE) for run in _runs(bytes(row), y)]
        return QrCode(len(matrix) + 2 * _QUIET_ZONE, "".join(runs))


def _runs(row: bytes, y: int) -> list[str]:
    """黒い升の並びごとに、一つの四角。"""
    found: list[str] = []
    start: int | None = None
    for x, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            found.append(f"M{start + _QUIET_ZONE} {y}h{x - start}v1H{start + _QUIET_ZONE}z")
            start = None
    return found
