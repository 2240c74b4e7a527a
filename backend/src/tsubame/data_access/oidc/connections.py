"""提供者へ送り出し、戻ってきた符号を身元に替える。

Authlib からは、手順(認可の住所、PKCE、token への頼み方、証明書の項目の検査)だけを使う。
通信は、内側の住所へ届かない :class:`OutgoingHttp` だけが行う。
"""

from collections.abc import Mapping
from typing import Any, Final

import httpx
from authlib.oauth2 import OAuth2Client, OAuth2Error
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from tsubame.business.auth.provider_errors import (
    IdTokenRefusedError,
    ProviderMisconfiguredError,
    ProviderRefusedError,
)
from tsubame.business.auth.providers import Discovered, FlowSecrets, Person, ProviderAnswer, ProviderClient
from tsubame.business.shared.clock import Clock
from tsubame.data_access.oidc.fetching import ProviderDocuments, get_json, unreachable
from tsubame.data_access.oidc.id_token import Expected, key_id_of, verified_claims
from tsubame.data_access.oidc.metadata import Metadata
from tsubame.data_access.outgoing.http import OutgoingHttp

_FORM: Final = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
_MOST_GROUPS: Final = 1000
_LONGEST_SUBJECT: Final = 255


class OidcConnections:
    def __init__(self, outgoing: OutgoingHttp, clock: Clock) -> None:
        self._outgoing = outgoing
        self._documents = ProviderDocuments(outgoing)
        self._clock = clock

    async def authorization_url(self, client: ProviderClient, secrets: FlowSecrets, redirect_uri: str) -> str:
        metadata = await self._documents.metadata(client.issuer)
        asking = OAuth2Client(
            None,
            client_id=client.client_id,
            scope=client.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        url, _ = asking.create_authorization_url(
            metadata.authorization_endpoint,
            state=secrets.state,
            code_verifier=secrets.verifier,
            nonce=secrets.nonce,
        )
        return str(url)

    async def person(
        self, client: ProviderClient, secrets: FlowSecrets, redirect_uri: str, answer: ProviderAnswer
    ) -> Person:
        metadata = await self._documents.metadata(client.issuer)
        if answer.code is None or (metadata.names_itself and answer.issuer is None):
            # 名乗ると言った提供者の、名乗らない答え。別の提供者の答えを混ぜられた(RFC 9207 §2.4)
            raise ProviderMisconfiguredError("The answer of the provider is not complete.")
        body = prepare_token_request(
            "authorization_code", code=answer.code, redirect_uri=redirect_uri, code_verifier=secrets.verifier
        )
        given = await self._token(client, metadata, body)
        id_token, access_token = given.get("id_token"), given.get("access_token")
        if not isinstance(id_token, str):
            raise IdTokenRefusedError("The provider sent no ID token. Is the scope openid allowed?")
        expected = Expected(
            issuer=client.issuer,
            client_id=client.client_id,
            nonce=secrets.nonce,
            access_token=access_token if isinstance(access_token, str) else None,
            algorithms=metadata.algorithms,
        )
        keys = await self._documents.keys(client.issuer, key_id_of(id_token))
        claims = verified_claims(id_token, keys, expected, self._clock.now())
        return _person(client, await self._completed(client, metadata, claims, expected.access_token))

    async def discover(self, issuer: str) -> Discovered:
        metadata, keys = await self._documents.read(issuer)
        return Discovered(
            issuer=metadata.issuer,
            authorization_endpoint=metadata.authorization_endpoint,
            algorithms=metadata.algorithms,
            keys=len(keys.keys),
            scopes=metadata.scopes,
            claims=metadata.claims,
        )

    async def _token(self, client: ProviderClient, metadata: Metadata, body: str) -> Mapping[str, Any]:
        secret = None if client.secret is None else client.secret.reveal()
        auth = ClientAuth(client.client_id, secret, _auth_method(metadata, secret))
        url, headers, content = auth.prepare("POST", metadata.token_endpoint, dict(_FORM), body)
        try:
            async with self._outgoing.client() as http:
                response = await http.post(url, headers=headers, content=content)
            answer: Mapping[str, Any] = OAuth2Client(None).parse_response_token(response)
        except OAuth2Error as exc:
            error = str(exc.error)[:100]
            raise ProviderRefusedError(
                f"The provider refused the sign-in: {error}.", params={"error": error}
            ) from exc
        except httpx.HTTPError as exc:
            raise unreachable(metadata.token_endpoint, exc) from exc
        except ValueError as exc:
            raise ProviderMisconfiguredError("The provider's answer was not JSON.") from exc
        return answer

    async def _completed(
        self,
        client: ProviderClient,
        metadata: Metadata,
        claims: dict[str, Any],
        access_token: str | None,
    ) -> dict[str, Any]:
        """組や名前が証明書にないときだけ、userinfo で補う。同じ人のものかも確かめる(§5.3.2)。"""
        wanted = (client.group_claim, client.username_claim)
        missing = any(_claim(claims, name) is None for name in wanted)
        if not missing or metadata.userinfo_endpoint is None or access_token is None:
            return claims
        more = await get_json(
            self._outgoing, metadata.userinfo_endpoint, {"Authorization": f"Bearer {access_token}"}
        )
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise IdTokenRefusedError("The provider described somebody else.")
        return {**more, **claims}


def _auth_method(metadata: Metadata, secret: str | None) -> str:
    if secret is None:
        return "none"
    post_only = metadata.token_auth_methods and "client_secret_basic" not in metadata.token_auth_methods
    return "client_secret_post" if post_only else "client_secret_basic"


def _person(client: ProviderClient, claims: dict[str, Any]) -> Person:
    subject = str(claims["sub"])
    if len(subject) > _LONGEST_SUBJECT or subject != _storable(subject):
        raise IdTokenRefusedError("The subject of the ID token cannot be used.")
    named = (_claim(claims, name) for name in (client.username_claim, "preferred_username", "email"))
    username = next((name for name in named if isinstance(name, str) and name.strip()), subject)
    groups = _claim(claims, client.group_claim)
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    held = frozenset(group for group in listed[:_MOST_GROUPS] if isinstance(group, str))
    return Person(client.issuer, subject, _storable(username), held)


def _storable(text: str) -> str:
    """PostgreSQL がしまえない文字(NUL と、片割れの代用対)を除いたもの。"""
    return text.encode("utf-8", "ignore").decode().replace("\0", "")


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """項目の値。名前そのものがなければ、``realm_access.roles`` のように点で中へ入る。"""
    if name in claims:
        return claims[name]
    value: object = claims
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value
