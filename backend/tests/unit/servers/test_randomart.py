"""ホスト鍵の絵。"""

import subprocess
from pathlib import Path

import pytest

from tsubame.business.servers.entities import HostKey
from tsubame.business.servers.randomart import randomart


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("ed25519", 256), ("rsa", 2048), ("rsa", 3072), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)],
)
def test_same_as_ssh_keygen(tmp_path: Path, kind: str, bits: int) -> None:
    """どの種別の鍵でも、ssh-keygen -lv と一字一句同じ絵になる。"""
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", str(path)], check=True)
    shown = subprocess.run(["ssh-keygen", "-lvf", path], check=True, capture_output=True, text=True).stdout
    first, _, art = shown.partition("\n")
    algorithm, blob, *_ = path.with_suffix(".pub").read_text().split()
    key = HostKey(algorithm, f"{algorithm} {blob}", first.split()[1])
    assert randomart(key) == art.rstrip("\n")
