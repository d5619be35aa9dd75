"""Payload sealing without a database."""

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ipaas.vault import payloads
from ipaas.vault.errors import PayloadKeyNotLoaded, SealBroken
from ipaas.vault.payloads import PayloadSealer

WORKSPACE, OTHER = UUID(int=1), UUID(int=2)
KEYS, ROOT = {1: b"k" * 32}, b"r" * 32


@pytest.fixture
def sealer() -> PayloadSealer:
    return PayloadSealer(WORKSPACE, KEYS, ROOT)


@given(data=st.binary(max_size=6000), aad=st.binary(max_size=60))
@settings(max_examples=60)
def test_what_was_sealed_opens(data: bytes, aad: bytes) -> None:
    sealer = PayloadSealer(WORKSPACE, KEYS, ROOT)
    assert sealer.open(sealer.seal(data, aad), aad) == data


def test_another_process_opens_it(sealer: PayloadSealer) -> None:
    assert PayloadSealer(WORKSPACE, KEYS, ROOT).open(sealer.seal(b"data", b"a"), b"a") == b"data"


def test_another_aad_workspace_or_key_does_not_open_it(sealer: PayloadSealer) -> None:
    blob = sealer.seal(b"data", b"run 1")
    with pytest.raises(SealBroken):
        sealer.open(blob, b"run 2")
    for stranger in (PayloadSealer(OTHER, KEYS, ROOT), PayloadSealer(WORKSPACE, {1: b"x" * 32}, ROOT)):
        with pytest.raises(SealBroken):
            stranger.open(blob, b"run 1")


@pytest.mark.parametrize("size", [40, 5000])
def test_any_changed_byte_is_noticed(sealer: PayloadSealer, size: int) -> None:
    blob = sealer.seal(b"a" * size, b"")
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises((SealBroken, PayloadKeyNotLoaded)):
            sealer.open(bytes(changed), b"")


@pytest.mark.parametrize("blob", [b"", b"\x01", bytes(29), bytes(100), b"\x01" + bytes(3) + b"\x01" + bytes(24)])
def test_garbage_is_broken_never_another_error(sealer: PayloadSealer, blob: bytes) -> None:
    with pytest.raises(SealBroken):
        sealer.open(blob, b"")


def test_large_payloads_are_compressed_and_small_ones_are_not(sealer: PayloadSealer) -> None:
    assert len(sealer.seal(b"a" * 2048, b"")) == 2048 + 29 + 16
    assert len(sealer.seal(b"a" * 20_000, b"")) < 200


def test_a_bomb_is_not_expanded(sealer: PayloadSealer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "LARGEST_PAYLOAD", 1000)
    with pytest.raises(SealBroken):
        sealer.open(sealer.seal(b"a" * 5000, b""), b"")
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(b"a" * 5000)
    with pytest.raises(SealBroken):
        payloads._expand(frame)


def test_the_same_data_never_looks_the_same(sealer: PayloadSealer) -> None:
    with ThreadPoolExecutor(4) as pool:
        blobs = list(pool.map(lambda _: sealer.seal(b"data", b""), range(2000)))
    assert len({blob[:29] for blob in blobs}) == len(set(blobs)) == 2000


def test_a_forked_child_takes_a_salt_of_its_own(sealer: PayloadSealer) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, sealer.seal(b"data", b""))
        os._exit(0)
    os.waitpid(child, 0)
    theirs, ours = os.read(reader, 1000), sealer.seal(b"data", b"")
    os.close(reader)
    os.close(writer)
    assert theirs[5:21] != ours[5:21]
    assert sealer.open(theirs, b"") == b"data"


def test_the_newest_key_seals_and_older_ones_still_open(sealer: PayloadSealer) -> None:
    old = sealer.seal(b"old", b"")
    rotated = PayloadSealer(WORKSPACE, {**KEYS, 2: b"2" * 32}, ROOT)
    assert rotated.open(old, b"") == b"old"
    new = rotated.seal(b"new", b"")
    with pytest.raises(PayloadKeyNotLoaded) as caught:
        sealer.open(new, b"")
    assert caught.value.params == {"number": 2}


def test_derived_keys_differ_by_purpose_and_workspace_but_not_by_payload_key(sealer: PayloadSealer) -> None:
    rotated = PayloadSealer(WORKSPACE, {2: b"2" * 32}, ROOT)
    assert rotated.effect_hmac_key == sealer.effect_hmac_key
    assert rotated.fingerprint_key == sealer.fingerprint_key
    assert len({sealer.effect_hmac_key, sealer.fingerprint_key, ROOT}) == 3
    assert PayloadSealer(OTHER, KEYS, b"q" * 32).effect_hmac_key != sealer.effect_hmac_key


def test_readers_stay_bounded(sealer: PayloadSealer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "_READERS", 3)
    for _ in range(6):
        sealer.open(PayloadSealer(WORKSPACE, KEYS, ROOT).seal(b"data", b""), b"")
    assert len(sealer._readers) == 3
