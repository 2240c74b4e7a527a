"""「前に入った端末」の印。HMAC で確かめるだけで、しまうものはない。入る力もない。"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tsubame.business.shared.ids import UserId


class HmacDeviceMarks:
    def __init__(self, keys: Sequence[str]) -> None:
        """``keys`` は暗号の鍵。先頭で付け、どれで付けたものも読む。"""
        self._keys = [_mark_key(key) for key in keys]

    def issue(self, user_id: UserId) -> str:
        body = f"{user_id}.{secrets.token_hex(16)}"
        return f"{body}.{_tag(self._keys[0], body)}"

    def is_of(self, mark: str, user_id: UserId) -> bool:
        body, _, tag = mark.rpartition(".")
        return body.startswith(f"{user_id}.") and any(
            hmac.compare_digest(_tag(key, body).encode(), tag.encode("utf-8", "replace"))
            for key in self._keys
        )


def _tag(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _mark_key(key: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tsubame known device v1")
    return derivation.derive(base64.urlsafe_b64decode(key))
