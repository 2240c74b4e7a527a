"""提供者の文書と鍵を読み、しばらく溜め置く。"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tsubame.business.auth.provider_errors import (
    ProviderInsideError,
    ProviderMisconfiguredError,
    ProviderUnreachableError,
)
from tsubame.data_access.oidc.metadata import Metadata, document_url, read_metadata
from tsubame.data_access.outgoing.http import OutgoingHttp, RefusedAddressError

_KEPT_S: Final = 600.0
_RETRY_S: Final = 30.0
"""知らない鍵の番号で来たとき、鍵を読み直す間隔。でたらめな番号で、提供者を叩かせない。"""
_REMEMBERED: Final = 50
_TOO_LATE: Final = 500


@dataclass(frozen=True, slots=True)
class _Kept:
    metadata: Metadata
    keys: KeySet
    read_at: float


class ProviderDocuments:
    def __init__(self, outgoing: OutgoingHttp, clock: Callable[[], float] = time.monotonic) -> None:
        self._outgoing = outgoing
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def metadata(self, issuer: str) -> Metadata:
        """Raises: ProviderUnreachableError, ProviderMisconfiguredError。"""
        return (await self._current(issuer, _KEPT_S)).metadata

    async def keys(self, issuer: str, key_id: str | None) -> KeySet:
        """署名を確かめる鍵。知らない番号なら、入れ替わったかもしれないので読み直す。"""
        kept = await self._current(issuer, _KEPT_S)
        if key_id is not None and all(key.kid != key_id for key in kept.keys.keys):
            kept = await self._current(issuer, _RETRY_S)
        return kept.keys

    async def read(self, issuer: str) -> tuple[Metadata, KeySet]:
        """溜め置きを使わずに読む。"""
        metadata = read_metadata(issuer, await get_json(self._outgoing, document_url(issuer)))
        return metadata, _keys(await get_json(self._outgoing, metadata.jwks_uri))

    async def _current(self, issuer: str, for_s: float) -> _Kept:
        kept = self._kept.get(issuer)
        if kept is not None and self._clock() - kept.read_at < for_s:
            return kept
        metadata, keys = await self.read(issuer)
        if len(self._kept) >= _REMEMBERED:
            self._kept.clear()
        fresh = self._kept[issuer] = _Kept(metadata, keys, self._clock())
        return fresh


async def get_json(outgoing: OutgoingHttp, url: str, headers: dict[str, str] | None = None) -> Any:
    """転送は追わない。文書も鍵も、名乗った住所そのものにあるはず。

    Raises: ProviderUnreachableError, ProviderMisconfiguredError。
    """
    try:
        async with outgoing.client() as client:
            response = await client.get(url, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise unreachable(url, exc) from exc
    return read_json(url, response)


def read_json(url: str, response: httpx.Response) -> Any:
    host = httpx.URL(url).host
    if response.status_code >= _TOO_LATE:
        raise ProviderUnreachableError(
            f"{host} answered with status {response.status_code}.", params={"host": host}
        )
    try:
        document = response.json()
    except ValueError as exc:
        raise _not_json(host, response) from exc
    if response.status_code != httpx.codes.OK:
        raise _not_json(host, response)
    return document


def _not_json(host: str, response: httpx.Response) -> ProviderMisconfiguredError:
    return ProviderMisconfiguredError(f"{host} did not answer with JSON (status {response.status_code}).")


def unreachable(url: str, exc: Exception) -> ProviderUnreachableError:
    """わけ(名前が引けない、内側の住所、時間切れ)を、管理者が読めるように残す。"""
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:
        host = url[:100]
    kind = ProviderInsideError if isinstance(exc, RefusedAddressError) else ProviderUnreachableError
    return kind(f"{host} cannot be reached: {exc}"[:400], params={"host": host, "reason": str(exc)[:300]})


def _keys(document: object) -> KeySet:
    """公開鍵だけ。共有の秘密の形(oct)が混じっていても、鍵としては見ない。"""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ProviderMisconfiguredError("The provider's keys are not a key set.")
    public = [key for key in listed if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"}]
    try:
        keys = KeySet.import_key_set({"keys": public})
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        raise ProviderMisconfiguredError("The provider's keys cannot be read.") from exc
    if not keys.keys:
        raise ProviderMisconfiguredError("The provider has no public key to check signatures with.")
    return keys
