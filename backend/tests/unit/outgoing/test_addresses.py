"""外へ送ってよい住所の決まり。"""

import pytest

from tsubame.data_access.outgoing.addresses import Allowed, is_public, parsed

INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.0.1",
    "198.18.0.1", "203.0.113.9", "168.63.129.16", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1%eth0",
    "fec0::1", "ff02::1", "5f00::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "172.32.0.1", "192.167.255.255", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]


@pytest.mark.parametrize("address", INSIDE)
def test_inside_is_refused(address: str) -> None:
    """この機械・LAN・クラウドの身元の口・放送は、どう書いても公とみなさない。"""
    assert not is_public(parsed(address))
    assert not Allowed().permits("anything.example", parsed(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_is_permitted(address: str) -> None:
    """公の住所は、IPv6 に包まれていても、設定なしで送れる。"""
    assert Allowed().permits("anything.example", parsed(address))


@pytest.mark.parametrize(
    ("host", "address", "permitted"),
    [
        ("idp.internal", "10.0.0.5", True),
        ("IdP.Internal.", "192.168.0.1", True),
        ("evil-idp.internal", "192.168.0.1", False),
        ("sso.corp.example", "192.168.0.1", True),
        ("a.b.corp.example", "192.168.0.1", True),
        ("corp.example", "192.168.0.1", False),
        ("any.example", "10.255.0.1", True),
        ("any.example", "::ffff:10.255.0.1", True),
        ("any.example", "11.0.0.1", True),
        ("any.example", "172.16.0.1", False),
        ("any.example", "172.16.0.7", True),
        ("any.example", "fd00::7", True),
        ("any.example", "169.254.169.254", False),
    ],
)
def test_administrator_can_allow(host: str, address: str, *, permitted: bool) -> None:
    """管理者は、網・住所・名前・名前の下のどれでも許せて、それより広くは許されない。"""
    allowed = Allowed.parse(["10.0.0.0/8", "172.16.0.7", "fd00::/8", "idp.internal", "*.Corp.example"])
    assert allowed.permits(host, parsed(address)) == permitted


@pytest.mark.parametrize("entry", ["10.0.0.0/40", "10.0.0.1/8", "http://idp", "10.1.2", "", "*", "a b"])
def test_wrong_entries(entry: str) -> None:
    """読めない項目は、起こすときに断る。黙って捨てると、許したつもりになる。"""
    with pytest.raises(ValueError, match="is not"):
        Allowed.parse([entry])
