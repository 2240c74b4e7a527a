"""SSH の鍵の読み書き。"""

import subprocess
from pathlib import Path

import pytest

from tsubame.business.credentials.errors import PrivateKeyError
from tsubame.business.shared.secret import Secret
from tsubame.data_access.ssh.keys import AsyncsshKeys

KEYS = AsyncsshKeys()
KINDS = [
    ("ed25519", 256, "RFC4716"),
    *(("rsa", 2048, form) for form in ("RFC4716", "PEM", "PKCS8")),
    *(("ecdsa", 384, form) for form in ("RFC4716", "PEM", "PKCS8")),
]


def _make(folder: Path, kind: str, bits: int, form: str, passphrase: str = "") -> tuple[str, str, str]:
    """ssh-keygen で作った秘密鍵、公開鍵の行、指紋。"""
    path = folder / "key"
    options = ["-t", kind, "-b", str(bits), "-m", form, "-C", "someone@host", "-N", passphrase]
    subprocess.run(["ssh-keygen", "-q", *options, "-f", path], check=True)
    shown = subprocess.run(
        ["ssh-keygen", "-lf", path.with_suffix(".pub")], check=True, capture_output=True, text=True
    )
    return path.read_text(), path.with_suffix(".pub").read_text().strip(), shown.stdout.split()[1]


def _code(text: str, passphrase: str | None = None) -> str:
    with pytest.raises(PrivateKeyError) as caught:
        KEYS.read_private(Secret(text), None if passphrase is None else Secret(passphrase), "")
    assert caught.value.message
    return caught.value.code


@pytest.mark.parametrize(("kind", "bits", "form"), KINDS)
def test_reads_every_kind(tmp_path: Path, kind: str, bits: int, form: str) -> None:
    """どの種別も形も読め、公開鍵の行と指紋が ssh-keygen と同じになる。"""
    private, public, fingerprint = _make(tmp_path, kind, bits, form)
    read = KEYS.read_private(Secret(private), None, "someone@host")
    assert (read.line, read.fingerprint) == (public, fingerprint)
    assert read.algorithm == public.split()[0]


@pytest.mark.parametrize(("kind", "bits", "form"), KINDS)
def test_passphrase(tmp_path: Path, kind: str, bits: int, form: str) -> None:
    """合言葉が要ることと、違うことは、別の誤りになる。"""
    private, public, _ = _make(tmp_path, kind, bits, form, "opensesame")
    read = KEYS.read_private(Secret(private), Secret("opensesame"), "someone@host")
    assert read.line == public
    assert _code(private) == "passphrase_required"
    assert _code(private, "") == "passphrase_required"
    assert _code(private, "wrong") == "passphrase_wrong"


def test_pasted_text_is_tolerated(tmp_path: Path) -> None:
    """CRLF、前後の空白、末尾の改行がないものも読める。要らない合言葉は気にしない。"""
    private, public, _ = _make(tmp_path, "ed25519", 256, "RFC4716")
    for text in (private.replace("\n", "\r\n"), private.rstrip("\n"), f"\n  {private}\n\n"):
        assert KEYS.read_private(Secret(text), Secret("unneeded"), "someone@host").line == public


def test_public_key_is_told_apart(tmp_path: Path) -> None:
    """公開鍵を貼ったことは、そうと分かる。"""
    _, public, _ = _make(tmp_path, "rsa", 2048, "PEM")
    assert _code(public) == "key_is_public"
    for form in ("PKCS8", "PEM", "RFC4716"):
        command = ["ssh-keygen", "-e", "-m", form, "-f", tmp_path / "key.pub"]
        exported = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert _code(exported) == "key_is_public"


@pytest.mark.parametrize("cut", [0, 40, 200, 350])
def test_broken_key_is_unreadable(tmp_path: Path, cut: int) -> None:
    """途中で切れた鍵や、鍵でない文は key_unreadable。"""
    private, _, _ = _make(tmp_path, "ed25519", 256, "RFC4716")
    assert _code(private[:cut]) == "key_unreadable"
    assert _code("hello\n日本語" + private[cut + 40 :]) == "key_unreadable"


def test_generated_key_works_with_ssh_keygen(tmp_path: Path) -> None:
    """作った鍵は OpenSSH が読め、見せた公開鍵と対になっている。"""
    made = KEYS.generate_ed25519("tsubame: 本番")
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(made.private_key.reveal())
    derived = subprocess.run(["ssh-keygen", "-yf", path], check=True, capture_output=True, text=True).stdout
    assert derived.split()[:2] == made.public_key.line.split()[:2]
    assert made.public_key.line.endswith("tsubame: 本番")
