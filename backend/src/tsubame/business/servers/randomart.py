"""ホスト鍵の絵。``ssh-keygen -lv`` と同じ絵を描き、端末で見たものと見比べられるようにする。

「The drunken bishop: An analysis of the OpenSSH fingerprint visualization algorithm」(2009)、
OpenSSH sshkey.c の fingerprint_randomart。
"""

import base64
import hashlib
import struct
from typing import Final

from tsubame.business.servers.entities import HostKey

_WIDTH: Final = 17
_HEIGHT: Final = 9
_MARKS: Final = " .o+=*BOX@%&#/^SE"
_NAMES: Final = {
    "ssh-ed25519": ("ED25519", 256),
    "ecdsa-sha2-nistp256": ("ECDSA", 256),
    "ecdsa-sha2-nistp384": ("ECDSA", 384),
    "ecdsa-sha2-nistp521": ("ECDSA", 521),
    "sk-ssh-ed25519@openssh.com": ("ED25519-SK", 256),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("ECDSA-SK", 256),
}


def randomart(key: HostKey) -> str:
    """十一行の絵。終わりに改行は付かない。"""
    blob = base64.b64decode(key.public_key.split()[1])
    name, bits = _name_and_bits(blob)
    field = _walk(hashlib.sha256(blob).digest())
    rows = [f"|{''.join(_MARKS[visits] for visits in row)}|" for row in field]
    return "\n".join([_border(f"[{name} {bits}]"), *rows, _border("[SHA256]")])


def _walk(digest: bytes) -> list[list[int]]:
    field = [[0] * _WIDTH for _ in range(_HEIGHT)]
    x, y = _WIDTH // 2, _HEIGHT // 2
    most = len(_MARKS) - 3
    for byte in digest:
        for shift in (0, 2, 4, 6):
            step = byte >> shift
            x = min(max(x + (1 if step & 1 else -1), 0), _WIDTH - 1)
            y = min(max(y + (1 if step & 2 else -1), 0), _HEIGHT - 1)
            field[y][x] = min(field[y][x] + 1, most)
    field[_HEIGHT // 2][_WIDTH // 2] = len(_MARKS) - 2
    field[y][x] = len(_MARKS) - 1
    return field


def _border(title: str) -> str:
    left = (_WIDTH - len(title)) // 2
    return f"+{'-' * left}{title}{'-' * (_WIDTH - len(title) - left)}+"


def _name_and_bits(blob: bytes) -> tuple[str, int]:
    fields = _fields(blob)
    kind = fields[0].decode("ascii", "replace")
    if kind == "ssh-rsa":
        return "RSA", int.from_bytes(fields[2], "big").bit_length()
    return _NAMES.get(kind, (kind.upper()[:10], 0))


def _fields(blob: bytes) -> list[bytes]:
    """SSH の文字列の並び(RFC 4251 §5)。"""
    found, at = [], 0
    while at + 4 <= len(blob):
        (length,) = struct.unpack_from(">I", blob, at)
        found.append(blob[at + 4 : at + 4 + length])
        at += 4 + length
    return found
