"""提供者の文書(OpenID Connect Discovery)を読み、使ってよい形かを確かめる。"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from tsubame.business.auth.provider_errors import ProviderMisconfiguredError

# 公開鍵で確かめるものだけ。none と、共有の秘密で署名する HS* は使わない(鍵の取り違えを誘うため)
SAFE_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
_DEFAULT_ALGORITHMS: Final = ("RS256",)
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Metadata:
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: tuple[str, ...]
    token_auth_methods: tuple[str, ...]
    scopes: tuple[str, ...]
    claims: tuple[str, ...]
    names_itself: bool
    """戻りの住所に、自分の名乗りを付けるか(RFC 9207)。"""


def document_url(issuer: str) -> str:
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def read_metadata(issuer: str, document: object) -> Metadata:
    """Raises: ProviderMisconfiguredError。"""
    if not isinstance(document, Mapping):
        raise ProviderMisconfiguredError("The discovery document is not a JSON object.")
    named = document.get("issuer")
    if named != issuer:
        # 末尾の / の違いも許さない(OpenID Connect Discovery §4.3)
        raise ProviderMisconfiguredError(
            f"The provider calls itself {str(named)[:200]!r}, not {issuer!r}. Use exactly that issuer."
        )
    supported = _texts(document, "id_token_signing_alg_values_supported") or _DEFAULT_ALGORITHMS
    algorithms = tuple(name for name in SAFE_ALGORITHMS if name in supported)
    if not algorithms:
        raise ProviderMisconfiguredError(
            "The provider offers no signature that can be trusted (such as RS256)."
        )
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_url(document, "authorization_endpoint"),
        token_endpoint=_url(document, "token_endpoint"),
        jwks_uri=_url(document, "jwks_uri"),
        userinfo_endpoint=_url(document, "userinfo_endpoint") if document.get("userinfo_endpoint") else None,
        algorithms=algorithms,
        token_auth_methods=_texts(document, "token_endpoint_auth_methods_supported"),
        scopes=_texts(document, "scopes_supported"),
        claims=_texts(document, "claims_supported"),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _url(document: Mapping[Any, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise ProviderMisconfiguredError(f"The discovery document has no {name}.")
    try:
        parts = urlsplit(value)
    except ValueError as exc:
        raise ProviderMisconfiguredError(f"The {name} of the provider is not a URL.") from exc
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        # javascript: などを、ブラウザの行き先にさせない
        raise ProviderMisconfiguredError(f"The {name} of the provider is not a web address.")
    return value


def _texts(document: Mapping[Any, Any], name: str) -> tuple[str, ...]:
    value = document.get(name)
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, str))[:_SHOWN]
