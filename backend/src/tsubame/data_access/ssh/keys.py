"""SSH の鍵の読み書き(``SshKeys``)。OpenSSH と PEM、RSA・ECDSA・Ed25519。"""

import re
from typing import Final

import asyncssh

from tsubame.business.credentials.entities import PublicKey
from tsubame.business.credentials.errors import PrivateKeyError
from tsubame.business.credentials.ports import GeneratedKey
from tsubame.business.shared.secret import Secret

_PUBLIC_LINE: Final = re.compile(r"\s*(?:ssh-|ecdsa-|sk-)\S+\s+AAAA")
_PUBLIC_BLOCK: Final = ("BEGIN PUBLIC KEY", "BEGIN RSA PUBLIC KEY", "BEGIN SSH2 PUBLIC KEY")


def parse_private_key(private_key: Secret, passphrase: Secret | None) -> asyncssh.SSHKey:
    """秘密鍵を開く。合言葉つきは計算に 0.1 秒以上かかるので、イベントループの外で呼ぶ。

    Raises:
        PrivateKeyError: 読めない、合言葉が要る、合言葉が違う、公開鍵が貼られた。
    """
    # 画面への貼り付けは CRLF になり、末尾の改行を失い、前後に空白が付く。
    text = private_key.reveal().replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"
    if _PUBLIC_LINE.match(text) or any(mark in text for mark in _PUBLIC_BLOCK):
        raise PrivateKeyError(
            "key_is_public", "This is a public key. Paste the private key, the file without .pub."
        )
    word = passphrase.reveal() if passphrase is not None and passphrase.reveal() else None
    try:
        key = asyncssh.import_private_key(text, word)
    except asyncssh.KeyEncryptionError as exc:
        raise _passphrase_problem(word) from exc
    except asyncssh.KeyImportError as exc:
        # asyncssh は、合言葉がないことも、壊れた鍵も、この一つで言う。PEM は、違う合言葉で開くと
        # 壊れた中身に見えるので、暗号化の印があれば合言葉のせいとみなす。
        if "assphrase" in str(exc) or (word is not None and "ENCRYPTED" in text):
            raise _passphrase_problem(word) from exc
        raise PrivateKeyError("key_unreadable", f"The private key cannot be read: {exc}.") from exc
    except (ValueError, UnicodeError) as exc:
        raise PrivateKeyError("key_unreadable", "The private key cannot be read.") from exc
    return key


def _passphrase_problem(word: str | None) -> PrivateKeyError:
    if word is None:
        return PrivateKeyError("passphrase_required", "The private key is protected by a passphrase.")
    return PrivateKeyError("passphrase_wrong", "The passphrase of the private key is wrong.")


def _public_half(key: asyncssh.SSHKey, comment: str) -> PublicKey:
    # 鍵に書き込まれた注釈は、どんな文字でもありうる。使うのは前の二語だけ。
    line = key.export_public_key("openssh").decode("utf-8", "replace")
    blob = " ".join(line.split()[:2])
    return PublicKey(key.get_algorithm(), f"{blob} {comment}".strip(), key.get_fingerprint())


class AsyncsshKeys:
    """``SshKeys`` の実装。"""

    def read_private(self, private_key: Secret, passphrase: Secret | None, comment: str) -> PublicKey:
        return _public_half(parse_private_key(private_key, passphrase), comment)

    def generate_ed25519(self, comment: str) -> GeneratedKey:
        key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
        text = key.export_private_key("openssh").decode("ascii")  # 本体は base64
        return GeneratedKey(Secret(text), _public_half(key, comment))
