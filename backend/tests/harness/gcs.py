"""GCS の口。obstore の GCS の客が話す XML の形は S3 と同じなので、中身は隣の SeaweedFS がしまう。

パッケージの置き場にある GCS の模造品は、どれも JSON の口だけで、この客が使う XML の口(置く・分けて送る・
消す)を持たない(ADR 0027)。Google に特有の名乗り、つまりサービスアカウントの鍵で署名した JWT は、
ここの戸口が本物どおりに確かめ、通ったものだけを渡す。
"""

import contextlib
import http.client
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.s3 import ANYONES_BUCKET, NUMBERS

_EMAIL = "archive@tsubame.iam.gserviceaccount.com"
_PASSED_ON = ("content-type", "content-length", "range")


@dataclass(frozen=True)
class GcsServer:
    url: str
    credentials: Path

    def write_credentials(self, key: rsa.RSAPrivateKey) -> None:
        """Google が渡すものと同じ形の、サービスアカウントの鍵のファイル。"""
        account = {
            "type": "service_account",
            "client_email": _EMAIL,
            "private_key_id": "1",
            "private_key": _pem(key),
            "gcs_base_url": self.url,
        }
        self.credentials.write_text(json.dumps(account))


@pytest.fixture(scope="session")
def gcs_key() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.fixture(scope="session")
def running_gcs(
    s3_server: str, gcs_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GcsServer]:
    class Door(_Door):
        behind = s3_server
        key = gcs_key.public_key()

    made = httpx.put(f"{s3_server}/{ANYONES_BUCKET}")
    assert made.status_code == httpx.codes.OK, made.text
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, name="gcs-door")
    thread.start()
    credentials = tmp_path_factory.mktemp("gcs") / "service-account.json"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GOOGLE_SERVICE_ACCOUNT", str(credentials))
            yield GcsServer(f"http://127.0.0.1:{server.server_port}", credentials)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def gcs(running_gcs: GcsServer, gcs_key: rsa.RSAPrivateKey) -> GcsServer:
    """正しい鍵で入れる。鍵のファイルの名は、製品と同じく環境から読ませる。"""
    running_gcs.write_credentials(gcs_key)
    return running_gcs


@pytest.fixture
def gcs_location(gcs: GcsServer) -> str:
    """この試験だけの保管先。"""
    return f"gs://{ANYONES_BUCKET}/gcs-{os.getpid()}-{next(NUMBERS)}"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class _Door(BaseHTTPRequestHandler):
    """署名を確かめて、名乗りを外し、そのまま渡す。"""

    protocol_version = "HTTP/1.1"
    behind: ClassVar[str]
    key: ClassVar[rsa.RSAPublicKey]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self._is_known():
            self._answer(401, {}, b"<Error><Code>AuthenticationRequired</Code></Error>")
            return
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        address = urlsplit(self.behind).netloc
        with contextlib.closing(http.client.HTTPConnection(address, timeout=60)) as behind:
            behind.request(self.command, self.path, body, headers)
            answer = behind.getresponse()
            status, headers, body = answer.status, dict(answer.getheaders()), answer.read()
        # 試験が殺した客は、もう答えを聞いていない
        with contextlib.suppress(ConnectionError):
            self._answer(status, headers, body)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815  http.server が決めた名前

    def _is_known(self) -> bool:
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        try:
            claims = jwt.decode(token, self.key, ["RS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return False
        return kind == "Bearer" and claims["iss"] == _EMAIL

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"connection", "date", "server", "transfer-encoding"}:
                self.send_header(name, value)
        if not {"content-length", "Content-Length"} & headers.keys():
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """試験の出力を汚さない。"""
