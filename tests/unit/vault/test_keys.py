"""The key-encryption key: from file or environment, never guessed, errors that name the place."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ipaas.core.errors import IpaasError
from ipaas.vault import keys
from ipaas.vault.errors import KeyFileMissing, KeyFileOpen, KeyMalformed, KeyProblem, KeyVersionMissing, KeyWrong

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kek.json"


def test_a_new_installation_gets_a_key_only_its_owner_can_read(path: Path) -> None:
    assert keys.ensure_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.read_key_file(path).current == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["kek.json"]


def test_an_existing_key_is_never_replaced(path: Path) -> None:
    keys.ensure_key_file(path)
    before = path.read_bytes()
    assert not keys.ensure_key_file(path)
    assert path.read_bytes() == before


def test_processes_that_start_at_once_end_up_with_one_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys.ensure_key_file(path), range(8)))
    assert made.count(True) == 1
    assert keys.read_key_file(path).keys.keys() == {1}


def test_a_missing_file_is_named_with_the_remedy(path: Path) -> None:
    with pytest.raises(KeyFileMissing) as caught:
        keys.read_key_file(path)
    assert str(path) in caught.value.detail
    assert "Restore" in caught.value.advice


def test_a_file_that_everybody_reads_is_refused(path: Path) -> None:
    keys.ensure_key_file(path)
    path.chmod(0o644)
    with pytest.raises(KeyFileOpen) as caught:
        keys.read_key_file(path)
    assert caught.value.advice == f"Run: chmod 600 {path}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"current": 1, "keys": []}',
        '{"current": 1, "keys": {"1": "short"}}',
        '{"current": 1, "keys": {"1": null}}',
        '{"current": "x", "keys": {}}',
        json.dumps({"current": 2, "keys": {"1": KEY}}),
        json.dumps({"current": 0, "keys": {"0": KEY}}),
        json.dumps({"current": 1, "keys": {"1": KEY + "!"}}),
        "[" * 100_000,
        "\x00",
    ],
)
def test_anything_but_a_key_file_is_malformed(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyMalformed) as caught:
        keys.read_key_file(path)
    assert str(path) in caught.value.detail
    assert KEY not in str(caught.value.as_problem())
    assert '{"current": 1' in caught.value.advice


@pytest.mark.parametrize(
    ("text", "current", "versions"),
    [(KEY, 1, {1}), (f"7:{KEY}", 7, {7}), (f"2:{KEY},1:{KEY}", 2, {1, 2}), (f" 2:{KEY} , 1:{KEY} ", 2, {1, 2})],
)
def test_the_environment_holds_one_or_several_versions(text: str, current: int, versions: set[int]) -> None:
    ring = keys.parse_environment(text)
    assert (ring.current, set(ring.keys)) == (current, versions)


@pytest.mark.parametrize("text", ["", "x", f"{KEY},{KEY}", f"a:{KEY}", f"1:{KEY},", f"-1:{KEY}", f"²:{KEY}", "1:"])
def test_a_malformed_environment_is_refused_without_echoing_it(text: str) -> None:
    with pytest.raises(KeyMalformed) as caught:
        keys.parse_environment(text)
    assert KEY not in str(caught.value.as_problem())


def test_a_wrapped_key_opens_only_in_its_place_and_version() -> None:
    ring = keys.Keyring(2, {1: b"a" * 32, 2: b"b" * 32}, "here")
    wrapped = ring.wrap(b"data key", b"place")
    assert ring.unwrap(wrapped, b"place", 2) == b"data key"
    for aad, version in ((b"other", 2), (b"place", 1)):
        with pytest.raises(KeyWrong):
            ring.unwrap(wrapped, aad, version)
    with pytest.raises(KeyVersionMissing) as caught:
        ring.unwrap(wrapped, b"place", 3)
    assert "here" in caught.value.detail


@pytest.mark.parametrize("wrapped", [b"", b"x", bytes(12), bytes(28), bytes(range(60))])
def test_garbage_instead_of_a_wrapped_key_is_a_clear_error(wrapped: bytes) -> None:
    with pytest.raises(KeyProblem):
        keys.Keyring(1, {1: bytes(32)}, "here").unwrap(wrapped, b"", 1)


def test_a_keyring_never_shows_its_keys() -> None:
    assert "aaaa" not in repr(keys.Keyring(1, {1: b"a" * 32}, "here"))


def test_rotation_keeps_old_versions_until_they_are_dropped(path: Path) -> None:
    keys.ensure_key_file(path)
    wrapped = keys.read_key_file(path).wrap(b"data key", b"")
    assert keys.add_key_version(path) == 2
    ring = keys.read_key_file(path)
    assert ring.current == 2
    assert ring.unwrap(wrapped, b"", 1) == b"data key"
    keys.drop_key_version(1, path)
    assert set(keys.read_key_file(path).keys) == {2}
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(IpaasError, match="current"):
        keys.drop_key_version(2, path)
