"""線の向こうのサーバ。線を黙って抜き、またつなげる。

root で名前空間を作れる機械では、別のネットワーク名前空間の中の sshd。その中の iptables が全部の包みを捨てる
ので、核の再送・時間切れ・keepalive が、本当に線の抜けたときと同じに働く。
作れない機械では、黙って止まる TCP の中継の先。
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final, Self

import psutil

from harness.silent_proxy import silent_proxy
from harness.sshd import IS_ROOT, Sshd, SshdOptions, start_sshd

# 測りのために取ってある範囲(RFC 2544)。外の網とぶつからない。プロセスの番号ごとに、四つずつ使う。
_RANGE: Final = IPv4Network("198.18.0.0/15")
_PREFIX: Final = "tsbns"


@dataclass(frozen=True)
class FarHost:
    """``host`` と ``port`` へつなぐ。

    ``cut`` から ``mend`` まで、どちら向きにも何も届かず、切れたとも知らされない。
    """

    sshd: Sshd
    host: str
    port: int
    kind: str
    cut: Callable[[], None]
    mend: Callable[[], None]


@dataclass(frozen=True)
class _Namespace:
    """名前空間と、こちらとを結ぶ veth。``link`` はこちらの端の名前で、名前空間の名前も同じ。"""

    link: str
    near: str
    far: str

    @classmethod
    def create(cls) -> Self | None:
        """この機械で作れなければ ``None``。殺された試験の残したものも片付ける。"""
        if not IS_ROOT:
            return None
        with suppress(OSError):
            for left in Path("/run/netns").glob(f"{_PREFIX}*"):
                if not psutil.pid_exists(int(left.name.removeprefix(_PREFIX))):
                    cls(left.name, "", "").destroy()
        first = _RANGE[os.getpid() * 4 % _RANGE.num_addresses]
        made = cls(f"{_PREFIX}{os.getpid()}", str(first + 1), str(first + 2))
        try:
            made.build()
        except (OSError, subprocess.CalledProcessError):
            made.destroy()
            return None
        return made

    def build(self) -> None:
        _call("ip", "netns", "add", self.link)
        _call("ip", "link", "add", self.link, "type", "veth", "peer", "name", "far", "netns", self.link)
        _call("ip", "address", "add", f"{self.near}/30", "dev", self.link)
        _call("ip", "link", "set", self.link, "up")
        _call("ip", "-n", self.link, "address", "add", f"{self.far}/30", "dev", "far")
        _call("ip", "-n", self.link, "link", "set", "far", "up")
        self.mend()

    def destroy(self) -> None:
        """中のプロセスが残っていても、線はここで消える。"""
        for words in (("ip", "link", "delete", self.link), ("ip", "netns", "delete", self.link)):
            with suppress(OSError, subprocess.CalledProcessError):
                _call(*words)

    @property
    def inside(self) -> tuple[str, ...]:
        """中で動かす命令の頭。``ip netns exec`` と違い、/sys を載せ替えない。"""
        return ("nsenter", f"--net=/run/netns/{self.link}")

    def cut(self) -> None:
        self._policy("DROP")

    def mend(self) -> None:
        self._policy("ACCEPT")

    def _policy(self, verdict: str) -> None:
        for chain in ("INPUT", "OUTPUT"):
            _call(*self.inside, "iptables", "-w", "-P", chain, verdict)


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=30)


@asynccontextmanager
async def far_host() -> AsyncIterator[FarHost]:
    """一つのプロセスに、同時には一つ。"""
    namespace = await asyncio.to_thread(_Namespace.create)
    if namespace is None:
        sshd = await start_sshd()
        try:
            async with silent_proxy(sshd.port) as proxy:
                yield FarHost(sshd, "127.0.0.1", proxy.port, "silent proxy", proxy.cut, proxy.mend)
        finally:
            await sshd.stop()
        return
    try:
        sshd = await start_sshd(SshdOptions(listen=(namespace.far,), launcher=namespace.inside))
        try:
            yield FarHost(sshd, namespace.far, sshd.port, "network namespace", namespace.cut, namespace.mend)
        finally:
            await sshd.stop()
    finally:
        await asyncio.to_thread(namespace.destroy)
