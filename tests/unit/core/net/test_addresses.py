"""The address table: only what is global unicast by our own reading counts as public."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.net import Reach, reach_of
from ipaas.core.net.addresses import canonical

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.0.1",
    "192.0.2.5",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "::",
    "::127.0.0.1",
    "::8.8.8.8",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::1",
    "2002:7f00:1::",
    "3ffe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:0:0",
    "2a00:1450::5efe:a00:1",
    "2a00:1450::200:5efe:7f00:1",
    "::ffff:0:127.0.0.1",
]
PRIVATE = [
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "168.63.129.15",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::8",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize(
    ("address", "reach"),
    [(a, Reach.FORBIDDEN) for a in FORBIDDEN]
    + [(a, Reach.PRIVATE) for a in PRIVATE]
    + [(a, Reach.GLOBAL) for a in PUBLIC],
)
def test_table(address, reach):
    assert reach_of(address) is reach


@given(st.ip_addresses())
def test_never_wider_than_the_standard_library(address):
    """Whatever the standard library calls inner, multicast or reserved is never called public here."""
    if reach_of(str(address)) is Reach.GLOBAL:
        plain = ipaddress.ip_address(canonical(str(address)))
        assert plain.is_global
        assert not any([plain.is_multicast, plain.is_private, plain.is_reserved, plain.is_link_local])


@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_is_never_better_than_itself(address):
    order = [Reach.FORBIDDEN, Reach.PRIVATE, Reach.GLOBAL]
    plain = order.index(reach_of(str(address)))
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    assert reach_of(str(mapped)) is reach_of(str(address))
    assert canonical(str(mapped)) == str(address)
    number = int(address)
    for hidden in (number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80), (0x20010000 << 96) | number):
        if hidden == 1:  # ::1 is the loopback address, not 0.0.0.1 inside IPv6
            continue
        assert order.index(reach_of(str(ipaddress.IPv6Address(hidden)))) <= min(plain, 1)
