"""通行証(JWT、HS256)。署名の鍵は、暗号の鍵から HKDF で導く(RFC 5869)。"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tsubame.business.auth.entities import AccessClaims
from tsubame.business.auth.errors import TokenExpiredError, TokenInvalidError
from tsubame.business.shared.ids import SessionId, UserId

LIFETIME: Final = timedelta(minutes=15)
_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"
_NAME: Final = "tsubame"
_INVALID: Final = "The access token is not valid."


class JwtAccessTokens:
    def __init__(self, keys: Sequence[str]) -> None:
        """``keys`` は暗号の鍵。先頭で署名し、どれで署名されたものも読む(鍵の入れ替えの間のため)。"""
        self._keys = [_signing_key(key) for key in keys]

    def issue(self, user_id: UserId, session_id: SessionId, now: datetime) -> tuple[str, int]:
        claims = {
            "iss": _NAME,
            "aud": _NAME,
            "sub": str(user_id),
            "sid": session_id,
            "iat": now,
            "exp": now + LIFETIME,
        }
        token = jwt.encode(claims, self._keys[0], algorithm=_ALGORITHM, headers={"typ": _TYPE})
        return token, int(LIFETIME.total_seconds())

    def read(self, value: str, now: datetime) -> AccessClaims:
        claims = self._verified(value)
        try:
            expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
            user_id = UserId(int(claims["sub"]))
        except (ValueError, OverflowError, OSError) as exc:
            raise TokenInvalidError(_INVALID) from exc
        if expires_at <= now:
            raise TokenExpiredError("The access token has expired. Refresh it.")
        return AccessClaims(user_id, SessionId(str(claims["sid"])), expires_at)

    def _verified(self, value: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                decoded = jwt.decode_complete(
                    value,
                    key,
                    algorithms=[_ALGORITHM],
                    audience=_NAME,
                    issuer=_NAME,
                    # 時刻は業務の時計で見る。iat の「未来」は、時計のずれた二台の間で起きる
                    options={
                        "require": ["sub", "sid", "iat", "exp"],
                        "verify_exp": False,
                        "verify_iat": False,
                    },
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.InvalidTokenError as exc:
                raise TokenInvalidError(_INVALID) from exc
            if decoded["header"].get("typ") != _TYPE:
                break
            claims: dict[str, Any] = decoded["payload"]
            return claims
        raise TokenInvalidError(_INVALID)


def _signing_key(key: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tsubame access token v1")
    return derivation.derive(base64.urlsafe_b64decode(key))
