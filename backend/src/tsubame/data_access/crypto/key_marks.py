"""動いているプロセスが、どの鍵を知っているかの印。

合図を聞く接続(プロセスに一本)に、鍵ごとの助言的な鎖を分け合って(shared)付ける。プロセスが終われば
接続とともに消えるので、掃除がいらない。
"""

from collections.abc import Sequence
from typing import Final

from tsubame.data_access.crypto.keyring import fingerprint

# "tk"
MARK_CLASS: Final = 0x746B


def mark_of(key_fingerprint: str) -> int:
    # 鎖の番号は符号つきの 32 ビット。pg_locks では符号なしに見えるので、正の数だけを使う
    return int(key_fingerprint[:8], 16) & 0x7FFF_FFFF


def marking(keys: Sequence[str]) -> list[str]:
    """接続のたびに行う文。"""
    return [f"SELECT pg_advisory_lock_shared({MARK_CLASS}, {mark_of(fingerprint(key))})" for key in keys]
