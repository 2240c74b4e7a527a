"""外へ送ってよい住所か。利用者が書いた URL で、内側のサービスを叩かせない(SSRF)。

標準ライブラリの ``is_global`` は、Python の版によって答えが違い、NAT64 に包まれた住所も見ない。
そこで、送らない範囲を自分で並べる。出典は IANA の特別用途の住所の登録簿(RFC 6890、RFC 8190)。
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # この網・未指定。Linux では 0.0.0.0 が自分自身につながる
        "10.0.0.0/8",
        "100.64.0.0/10",  # 事業者の NAT の内側。100.100.100.200 はクラウドの身元の口
        "127.0.0.0/8",
        "169.254.0.0/16",  # リンクの内側。169.254.169.254 はクラウドの身元の口
        "172.16.0.0/12",
        "192.0.0.0/24",  # 192.0.0.192 もクラウドの身元の口
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "168.63.129.16/32",  # 公の住所に見えるが、クラウドの機械の中の口
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo など、よその住所を包むもの
        "2001:db8::/32",
        "2002::/16",  # 6to4。中の IPv4 へ届く
        "3fff::/20",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOW_32_BITS: Final = 0xFFFFFFFF


def unwrapped(address: Address) -> Address:
    """IPv6 の形で書いた IPv4(``::ffff:a.b.c.d`` と NAT64)を、届く先の IPv4 に直す。"""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & _LOW_32_BITS)
    return address


def is_public(address: Address) -> bool:
    """だれもが届く、公の一台か。"""
    reached = unwrapped(address)
    if isinstance(reached, IPv4Address):
        return not any(reached in network for network in _REFUSED_V4)
    return reached in _GLOBAL_V6 and not any(reached in network for network in _REFUSED_V6)


@dataclass(frozen=True, slots=True)
class Allowed:
    """公でなくても送ってよい先。管理者が設定(``TSUBAME_OUTGOING_ALLOWED``)に書いたもの。"""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> Self:
        """``10.0.0.0/8``、``192.168.1.5``、``idp.internal``、``*.corp.example`` の並び。

        Raises: ValueError。どの項目がなぜいけないかを言う。
        """
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in entries:
            text = entry.strip().lower().rstrip(".")
            try:
                networks.append(ip_network(text))
            except ValueError as exc:
                name = text.removeprefix("*.")
                if not name or not all(letter.isalnum() or letter in "-._" for letter in name):
                    raise ValueError(
                        f"{entry!r} is not an address, a network (10.0.0.0/8) or a name"
                    ) from exc
                if name.replace(".", "").isdecimal():
                    raise ValueError(f"{entry!r} is not a whole address or network") from exc
                hosts.add(text)
        return cls(tuple(networks), frozenset(hosts))

    def permits(self, host: str, address: Address) -> bool:
        """``host`` という名前で引いた ``address`` へ送ってよいか。"""
        reached = unwrapped(address)
        return (
            is_public(address)
            or self._names(host)
            or any(reached.version == network.version and reached in network for network in self.networks)
        )

    def _names(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        parents = name.split(".")[1:]
        return name in self.hosts or any(
            "*." + ".".join(parents[start:]) in self.hosts for start in range(len(parents))
        )


def parsed(text: str) -> Address:
    """名前引きの答え。リンクの内側の住所に付く ``%eth0`` は外す。"""
    return ip_address(text.partition("%")[0])
