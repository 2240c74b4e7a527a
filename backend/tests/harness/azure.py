"""Azure Blob を話すサーバ(Microsoft の Azurite)。試験全体で一つ起こし、試験ごとに別の場所を使う。"""

import base64
import contextlib
import hashlib
import hmac
import os
import subprocess
import tempfile
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from harness.node import node
from harness.product import free_port
from harness.s3 import NUMBERS
from harness.waiting import wait_until

_PROGRAM = Path(__file__).parents[1] / "azurite/node_modules/azurite/dist/src/blob/main.js"
_ACCOUNT, _CONTAINER = "tsubame", "logs"
_KEY = base64.b64encode(b"the account key of the tests").decode()
_API = "2023-11-03"
_START_S = 60


@pytest.fixture(scope="session")
def azure_server() -> Iterator[str]:
    """署名を確かめる Blob の口。鍵は、製品と同じく環境から読ませる。"""
    assert _PROGRAM.exists(), "make backend/tests/azurite/node_modules/.installed がまだ"
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}/{_ACCOUNT}"
    with (
        tempfile.TemporaryDirectory(prefix="tsubame-azure-") as root,
        tempfile.TemporaryFile() as log,
        pytest.MonkeyPatch.context() as patch,
    ):
        command = [node(), str(_PROGRAM), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
        server = subprocess.Popen(
            [*command, "--location", root, "--silent", "--disableTelemetry"],
            env={**os.environ, "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}"},
            stdout=log,
            stderr=log,
        )
        patch.setenv("AZURE_STORAGE_ACCOUNT_NAME", _ACCOUNT)
        patch.setenv("AZURE_STORAGE_ACCOUNT_KEY", _KEY)
        patch.setenv("AZURE_STORAGE_ENDPOINT", endpoint)
        try:
            wait_until(lambda: server.poll() is not None or _answers(endpoint), "Azurite starts", _START_S)
            log.seek(0)
            assert server.poll() is None, log.read().decode()
            _make_container(endpoint)
            yield endpoint
        finally:
            server.kill()
            server.wait()


@pytest.fixture
def azure_location(azure_server: str) -> str:
    """この試験だけの保管先。"""
    return f"az://{_CONTAINER}/{os.getpid()}-{next(NUMBERS)}"


def _answers(endpoint: str) -> bool:
    """署名のない問い合わせに、何であれ答えれば起きている。"""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(endpoint).status_code >= httpx.codes.BAD_REQUEST
    return False


def _make_container(endpoint: str) -> None:
    """入れ物を作る。obstore は作らないので、Shared Key の署名を自分で付ける。

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _API}
    named = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    # 空の本文では、行が十一並んだあとに名前の付いた見出しと場所が来る。口の住所にも名義が入るので、二度出る
    blank = "\n" * 12
    signed = f"PUT{blank}{named}/{_ACCOUNT}/{_ACCOUNT}/{_CONTAINER}\nrestype:container"
    digest = hmac.new(base64.b64decode(_KEY), signed.encode(), hashlib.sha256).digest()
    headers["authorization"] = f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}"
    made = httpx.put(f"{endpoint}/{_CONTAINER}", params={"restype": "container"}, headers=headers)
    assert made.status_code == httpx.codes.CREATED, made.text
