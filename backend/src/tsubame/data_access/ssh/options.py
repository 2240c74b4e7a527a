"""asyncssh に渡す設定: 暗号方式、生死の確かめ方、時間の限り。"""

from typing import Final

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_default_kex_algs, get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_default_public_key_algs, get_public_key_algs

from tsubame.business.servers.entities import HostKey, SshOptions

# AES-GCM は一度の計算で暗号と認証が済み、AES 命令のある機械でいちばん速い。
_CIPHERS: Final = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
)
# OpenSSH と同じ順。ECDSA の鍵しかない dropbear は、RSA を頼まれると(あると言いながら)落ちる。
_HOST_KEYS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
_KEEPALIVE_MISSES: Final = 2


def _names(algorithms: list[bytes]) -> list[str]:
    return [name.decode("ascii") for name in algorithms]


def _with_older(modern: list[str], supported: list[bytes]) -> list[str]:
    """今のものを先に、古いものを後に。新しいサーバなら、許しても弱いものは選ばれない。"""
    return modern + [name for name in _names(supported) if name not in modern]


def host_key_algorithms(pinned: HostKey | None, *, legacy: bool) -> list[str]:
    """頼む順のホスト鍵の種別。

    固定した種別を先頭に置く。ほかも残すのは、相手が鍵を取り替えたときに「合う種別がない」ではなく
    「鍵が変わった」と言い、新しい鍵を見せるため。
    """
    first: tuple[str, ...] = ()
    if pinned is not None:
        first = _RSA if pinned.algorithm == "ssh-rsa" else (pinned.algorithm,)
    preferred = [*first, *(name for name in _HOST_KEYS if name not in first)]
    modern = _with_older(preferred, get_default_public_key_algs())
    return _with_older(modern, get_public_key_algs()) if legacy else modern


def base_options(
    host_key: HostKey | None, chosen: SshOptions, **login: object
) -> asyncssh.SSHClientConnectionOptions:
    """どの接続にも共通の設定。利用者の設定ファイル・エージェント・known_hosts は一切読まない。"""
    if chosen.legacy_algorithms:
        login |= {
            "kex_algs": _with_older(_names(get_default_kex_algs()), get_kex_algs()),
            "mac_algs": _names(get_mac_algs()),
        }
    ciphers = list(_CIPHERS)
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        agent_path=None,
        known_hosts=([], [], []),
        gss_host=None,
        compression_algs=["zlib@openssh.com", "zlib", "none"] if chosen.compression else None,
        encryption_algs=_with_older(ciphers, get_encryption_algs()) if chosen.legacy_algorithms else ciphers,
        server_host_key_algs=host_key_algorithms(host_key, legacy=chosen.legacy_algorithms),
        keepalive_interval=chosen.keepalive_s,
        keepalive_count_max=_KEEPALIVE_MISSES,
        # 名前の逆引きや遅い認証を待つサーバがあるので、TCP より長く待つ
        login_timeout=2 * chosen.connect_timeout_s,
        **login,
    )
