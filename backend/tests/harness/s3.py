"""S3 を話す本物のサーバ(SeaweedFS)。試験全体で一つ起こし、試験ごとに別の入れ物を使う。"""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.waiting import wait_until

_ACCESS, _SECRET = "tsubame-test", "tsubame-test-secret"
NUMBERS = itertools.count(1)
# 名乗らずに書ける入れ物。GCS の戸口(harness/gcs.py)が、自分で確かめてから使う
ANYONES_BUCKET = "anyones"
_START_S = 60


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """署名を確かめる S3 の口。鍵は、製品と同じく環境から読ませる。"""
    root = Path(tempfile.mkdtemp(prefix="tsubame-s3-"))
    identity = {
        "name": "tsubame",
        "credentials": [{"accessKey": _ACCESS, "secretKey": _SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    anyone = {"name": "anonymous", "actions": [f"{each}:{ANYONES_BUCKET}" for each in identity["actions"]]}
    (root / "s3.json").write_text(json.dumps({"identities": [identity, anyone]}))
    (root / "data").mkdir()
    ports = _free_ports(7)
    endpoint = f"http://127.0.0.1:{ports[0]}"
    with (root / "log").open("wb") as log:
        server = subprocess.Popen(_command(ports), cwd=root, stdout=log, stderr=log)
    environment = {
        "AWS_ACCESS_KEY_ID": _ACCESS,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            _wait_until_up(endpoint, server, root / "log")
            yield endpoint
        finally:
            server.kill()
            server.wait()
            shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def s3_location(s3_server: str) -> str:
    """この試験だけの保管先。"""
    return f"s3://logs/{os.getpid()}-{next(NUMBERS)}"


def _command(ports: list[int]) -> list[str]:
    s3, s3_grpc, master, master_grpc, volume, filer, filer_grpc = ports
    return [
        str(Path(sys.executable).with_name("weed")),
        "server",
        "-dir=data",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        f"-master.port.grpc={master_grpc}",
        "-master.volumeSizeLimitMB=64",
        f"-volume.port={volume}",
        "-volume.max=20",
        f"-filer.port={filer}",
        f"-filer.port.grpc={filer_grpc}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.port.grpc={s3_grpc}",
        "-s3.config=s3.json",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_until_up(endpoint: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    try:
        wait_until(lambda: server.poll() is not None or _answers(endpoint), "the S3 server starts", _START_S)
        assert server.poll() is None, "the S3 server died"
    except AssertionError as exc:
        raise AssertionError(f"{exc}\n{log.read_text()[-3000:]}") from exc


def _answers(endpoint: str) -> bool:
    """署名のない問い合わせを「断る」と答えれば、起きている。"""
    try:
        with urllib.request.urlopen(endpoint, timeout=1):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code == 403
    except OSError:
        return False
