"""Policies: ports, and private targets by exact entry."""

import pytest

from ipaas.core.net import PUBLIC_ONLY, EgressPolicy, EgressRefused, UrlRefused, check_url, parse_allowed


@pytest.mark.parametrize("url", ["http://1.1.1.1/", "https://1.1.1.1/", "http://a.example:8080/", "http://a:8443/"])
def test_public_targets_on_usual_ports_need_no_entry(url):
    assert check_url(url, PUBLIC_ONLY)


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 9200])
def test_other_ports_are_refused_until_widened(port):
    with pytest.raises(EgressRefused, match=f"port {port}"):
        check_url(f"http://a.example:{port}/", PUBLIC_ONLY)
    assert check_url(f"http://a.example:{port}/", EgressPolicy.parse(ports=[port])).port == port


def test_private_addresses_need_their_exact_host_and_port():
    policy = EgressPolicy.parse(["10.0.0.5:9000", "ERP.internal:443", "[FD00::1]:8080"])
    assert policy.allow_private == {("10.0.0.5", 9000), ("erp.internal", 443), ("fd00::1", 8080)}
    assert check_url("http://10.0.0.5:9000/", policy)
    assert check_url("http://[fd00::1]:8080/", policy)
    for url in ("http://10.0.0.5:8080/", "http://10.0.0.6:9000/", "http://10.0.0.5/"):
        with pytest.raises(EgressRefused):
            check_url(url, policy)


@pytest.mark.parametrize("host", ["169.254.169.254", "168.63.129.16", "224.0.0.1", "0.0.0.0", "[fd00:ec2::254]"])
def test_metadata_and_reserved_addresses_are_refused_even_when_listed(host):
    with pytest.raises(EgressRefused, match="forbidden"):
        check_url(f"http://{host}:80/", EgressPolicy.parse([f"{host}:80"]))


def test_one_bad_address_among_good_ones_refuses_all():
    with pytest.raises(EgressRefused, match="private"):
        PUBLIC_ONLY.check_addresses("a.example", 443, ["1.1.1.1", "127.0.0.1"])


@pytest.mark.parametrize("entry", ["erp.internal", "erp.internal:", "10.0.0.0/8:80", "*.internal:443", "127.1:80", ""])
def test_entries_must_be_exact(entry):
    with pytest.raises(UrlRefused):
        parse_allowed(entry)


def test_equal_policies_are_interchangeable():
    assert EgressPolicy.parse(["a:1"]) == EgressPolicy.parse(["A:1"])
    assert hash(EgressPolicy.parse(["a:1"])) == hash(EgressPolicy.parse(["A:1"]))
