"""Resolving: checked as a whole, cached for a while, failures told apart."""

import asyncio
import socket
import threading

import pytest

from ipaas.core.net import PUBLIC_ONLY, DeadlineExceeded, EgressPolicy, EgressRefused, ResolveFailed, Resolver, pin


class Book:
    """A resolver's answers in place of the system's, with a count of the questions."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): addresses for name, addresses in answers.items()}
        self.asked = []

    def __call__(self, host):
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.answers[host]


async def test_answers_are_kept_for_a_while():
    book = Book(a_example=["1.1.1.1", "2606:4700::1"])
    resolver = Resolver(lookup=book)
    for _ in range(3):
        assert await resolver.resolve("A.example", 443, PUBLIC_ONLY) == ["1.1.1.1", "2606:4700::1"]
    assert book.asked == ["a.example"]


async def test_answers_are_asked_again_when_old():
    book = Book(a_example=["1.1.1.1"])
    resolver = Resolver(lookup=book, ttl_s=0)
    await resolver.resolve("a.example", 443, PUBLIC_ONLY)
    await resolver.resolve("a.example", 443, PUBLIC_ONLY)
    assert len(book.asked) == 2


async def test_a_cached_answer_is_checked_for_every_policy():
    resolver = Resolver(lookup=Book(erp_internal=["10.0.0.1"]))
    allowed = EgressPolicy.parse(["erp.internal:443"])
    assert await resolver.resolve("erp.internal", 443, allowed) == ["10.0.0.1"]
    for policy, port in ((PUBLIC_ONLY, 443), (allowed, 8443)):
        with pytest.raises(EgressRefused):
            await resolver.resolve("erp.internal", port, policy)


async def test_a_listed_name_that_leads_to_metadata_is_refused():
    resolver = Resolver(lookup=Book(erp_internal=["169.254.169.254"]))
    with pytest.raises(EgressRefused, match="forbidden"):
        await resolver.resolve("erp.internal", 443, EgressPolicy.parse(["erp.internal:443"]))


async def test_mixed_answers_are_refused():
    resolver = Resolver(lookup=Book(a_example=["1.1.1.1", "::1"]))
    with pytest.raises(EgressRefused):
        await resolver.resolve("a.example", 443, PUBLIC_ONLY)


@pytest.mark.parametrize("host", ["nowhere.example", "empty.example"])
async def test_unknown_names_are_transient_failures_and_not_kept(host):
    book = Book(empty_example=[])
    resolver = Resolver(lookup=book)
    for _ in range(2):
        with pytest.raises(ResolveFailed) as failed:
            await resolver.resolve(host, 443, PUBLIC_ONLY)
        assert failed.value.sent is False
    assert book.asked == [host, host]


async def test_numeric_hosts_ask_nobody():
    book = Book()
    assert await Resolver(lookup=book).resolve("1.1.1.1", 443, PUBLIC_ONLY) == ["1.1.1.1"]
    assert book.asked == []


async def test_pin_gives_one_checked_address_on_database_ports():
    resolver = Resolver(lookup=Book(db_example=["1.1.1.1", "1.0.0.1"], db_internal=["10.0.0.1"]))
    assert await pin("db.example", 5432, PUBLIC_ONLY, resolver=resolver) == "1.1.1.1"
    for host, port in (("db.example", 443), ("db.internal", 5432)):
        with pytest.raises(EgressRefused):
            await pin(host, port, PUBLIC_ONLY, resolver=resolver)


async def test_pin_does_not_wait_for_a_dead_resolver():
    release = threading.Event()

    def stuck(_host):
        release.wait(10)
        return ["1.1.1.1"]

    try:
        with pytest.raises(DeadlineExceeded) as late:
            await pin("a.example", 5432, PUBLIC_ONLY, resolver=Resolver(lookup=stuck), deadline_s=0.02)
    finally:
        release.set()
    assert (late.value.phase, late.value.sent) == ("resolve", False)
    await asyncio.sleep(0)
