"""組み上がった画面(``frontend/dist``)を出す。どの頁の住所でも index.html を返し、道は画面が決める。"""

import asyncio
import gzip
import hashlib
import mimetypes
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

_INDEX: Final = "/index.html"
_HASHED: Final = "/assets/"
_COMPRESSIBLE: Final = (".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt")
_FOREVER: Final = "public, max-age=31536000, immutable"
_NONCE_PLACE: Final = b"TSUBAME_CSP_NONCE"
# 行の中のものは、スクリプトもスタイルも許さない。印(nonce)は、スクリプトの欄が自分で書く <style> のため。
# 動きで付ける style 属性は CSSOM なので、ここには掛からない
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    # 文字列を HTML や部品の住所として差し込む道を、ブラウザが閉じる。vue はコンパイル済みの型紙だけ、
    # own-worker は自分の所のワーカーだけを通す(frontend/src/shared/lib/ownWorker.ts)
    "require-trusted-types-for 'script'; trusted-types vue own-worker"
)
_NOT_BUILT: Final = (
    "The screens of tsubame-ci have not been built yet. Run 'make up' in the checkout (it builds them), "
    "or 'npm ci && npm run build' in frontend/. The API under /api/v1 works without them.\n"
)


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    compressed: bytes | None
    media_type: str
    etag: str
    cache: str


@dataclass(frozen=True, slots=True)
class Build:
    """一度の組み立ての全部。``stamp`` は index.html の更新時刻(ナノ秒)。"""

    stamp: int
    assets: Mapping[str, Asset]


class FrontEnd:
    """ASGI アプリケーション。

    数 MB しかないので全部を記憶に読み、名前で引く。パスをつなげないので、外のファイルは決して出ない。
    組み立て直されたら(index.html が変わったら)読み直す。
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._build: Build | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("Method Not Allowed", 405, headers={"Allow": "GET, HEAD"})
        build = await asyncio.to_thread(self._current)
        if build is None:
            return PlainTextResponse(_NOT_BUILT, 503, headers={"Cache-Control": "no-store"})
        path = request.url.path
        asset = build.assets.get(path)
        if asset is None and path.startswith(_HASHED):
            # 古い頁が前の版の部品を求めている。頁を返すと、スクリプトとして読もうとして壊れる
            return PlainTextResponse("Not Found", 404, headers={"Cache-Control": "no-store"})
        return _serve(request, asset or build.assets[_INDEX])

    def _current(self) -> Build | None:
        try:
            stamp = (self._directory / "index.html").stat().st_mtime_ns
        except OSError:
            self._build = None
            return None
        if self._build is None or self._build.stamp != stamp:
            self._build = Build(stamp, _read_all(self._directory))
        return self._build


def _serve(request: Request, asset: Asset) -> Response:
    if asset.media_type == "text/html":
        return _page(asset)
    headers = {"Cache-Control": asset.cache, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = asset.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=asset.media_type, headers=headers)


def _page(asset: Asset) -> Response:
    # 頁は毎回違う。304 にすると、溜め置いた前の頁に、新しい印の方針が付いてしまう
    nonce = secrets.token_urlsafe(16)
    policy = _CONTENT_SECURITY_POLICY.format(nonce=nonce)
    return Response(
        asset.body.replace(_NONCE_PLACE, nonce.encode()),
        media_type=asset.media_type,
        headers={"Cache-Control": asset.cache, "Content-Security-Policy": policy},
    )


def _read_all(directory: Path) -> dict[str, Asset]:
    found = {}
    for file in sorted(directory.rglob("*")):
        # 元のコードとの対応表は大きく、開発のときしか要らない
        if file.is_file() and file.suffix != ".map":
            path = "/" + file.relative_to(directory).as_posix()
            found[path] = _asset(path, file.read_bytes())
    return found


def _asset(path: str, body: bytes) -> Asset:
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return Asset(
        body=body,
        compressed=gzip.compress(body, 9, mtime=0) if path.endswith(_COMPRESSIBLE) else None,
        media_type="text/javascript" if path.endswith(".js") else media_type,
        etag=f'W/"{hashlib.sha256(body).hexdigest()[:24]}"',
        # 名前にハッシュを含む部品は変わらない。頁はいつも確かめさせ、新しい版へすぐ移る
        cache=_FOREVER if path.startswith(_HASHED) else "no-cache",
    )
