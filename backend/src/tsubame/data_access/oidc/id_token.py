"""身元の証明書(ID token)を確かめる(OpenID Connect Core §3.1.3.7)。"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tsubame.business.auth.provider_errors import IdTokenRefusedError

_LEEWAY_S: Final = 60
_LONGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Expected:
    """証明書に書いてあるはずのこと。"""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None
    algorithms: Sequence[str]


def key_id_of(token: str) -> str | None:
    """確かめる前の、鍵の番号。鍵を選ぶためだけに使う。"""
    try:
        head = token.split(".", 1)[0]
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, UnicodeError):
        return None
    found = header.get("kid") if isinstance(header, dict) else None
    return found if isinstance(found, str) else None


def verified_claims(token: str, keys: KeySet, expected: Expected, now: datetime) -> dict[str, Any]:
    """署名・方式・名乗り・あて先・期限・nonce が合う証明書の中身。

    Raises: IdTokenRefusedError。
    """
    if len(token) > _LONGEST:
        raise IdTokenRefusedError("The ID token is too large.")
    try:
        opened = jwt.decode(token, keys, algorithms=list(expected.algorithms))
        claims = CodeIDToken(
            opened.claims,
            opened.header,
            {
                "iss": {"essential": True, "value": expected.issuer},
                "aud": {"essential": True, "value": expected.client_id},
                "exp": {"essential": True},
                "iat": {"essential": True},
            },
            {
                "nonce": expected.nonce,
                "client_id": expected.client_id,
                "access_token": expected.access_token,
            },
        )
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_S)
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        raise IdTokenRefusedError(f"The ID token was refused: {exc}"[:300]) from exc
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise IdTokenRefusedError("The ID token names nobody.")
    return dict(claims)
