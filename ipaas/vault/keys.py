"""The key-encryption key (KEK): from outside the database, versioned, rotated without a stop.

It comes from ``IPAAS_KEK`` (base64; several as ``2:<base64>,1:<base64>``, the first is current) or from the file
``IPAAS_KEK_FILE`` (default ``keys/kek.json`` in the home folder): ``{"current": 1, "keys": {"1": "<base64>"}}``.
"""

import base64
import binascii
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ipaas.config import settings
from ipaas.vault.errors import KeyFileMissing, KeyFileOpen, KeyMalformed, KeyVersionMissing, KeyWrong

KEY_BYTES = 32
NONCE_BYTES = 12
_lock = Lock()
_loaded: tuple[object, "Keyring"] | None = None


@dataclass(frozen=True, slots=True)
class Keyring:
    """All versions of the KEK; ``current`` wraps, every version unwraps. ``place`` names the source in errors."""

    current: int
    keys: Mapping[int, bytes] = field(repr=False)
    place: str

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """Seal a data key with the current version; ``aad`` says where it belongs and must be given again."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.keys[self.current]).encrypt(nonce, key, _aad(aad, self.current))

    def unwrap(self, wrapped: bytes, aad: bytes, version: int) -> bytes:
        """Open a data key that ``version`` wrapped; raises ``KeyVersionMissing`` or ``KeyWrong``."""
        if version not in self.keys:
            raise KeyVersionMissing(version=version, place=self.place)
        try:
            return AESGCM(self.keys[version]).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _aad(aad, version))
        except (InvalidTag, ValueError):
            raise KeyWrong(version=version, place=self.place) from None


def keyring(*, needs: int | None = None) -> Keyring:
    """The keyring, read again when the file changed, or when ``needs`` is a version not seen yet."""
    global _loaded  # noqa: PLW0603 - one keyring per process
    conf = settings()
    if conf.kek is not None:
        return parse_environment(conf.kek.get_secret_value())
    path = key_file()
    with _lock:
        stamp = _stamp(path)
        if _loaded is None or _loaded[0] != stamp or (needs is not None and needs not in _loaded[1].keys):
            _loaded = (stamp, read_key_file(path))
        return _loaded[1]


def key_file() -> Path:
    conf = settings()
    return conf.kek_file or conf.home / "keys" / "kek.json"


def ensure_key_file(path: Path | None = None) -> bool:
    """Make the key file of a new installation (mode 0600); False when there is one, or the environment has the key.

    Two processes that start at once end up with the same key.
    """
    if path is None and settings().kek is not None:
        return False
    path = path or key_file()
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _write(path, 1, {1: secrets.token_bytes(KEY_BYTES)}, replace=False)
    except FileExistsError:
        return False
    return True


def add_key_version(path: Path | None = None) -> int:
    """Add a version to the key file and make it current; returns its number. ``rewrap`` then moves the data over."""
    path = path or key_file()
    old = read_key_file(path)
    version = max(old.keys) + 1
    _write(path, version, {**old.keys, version: secrets.token_bytes(KEY_BYTES)}, replace=True)
    return version


def drop_key_version(version: int, path: Path | None = None) -> None:
    """Remove a version that wraps nothing any more from the key file; the caller has made sure of that."""
    path = path or key_file()
    old = read_key_file(path)
    if version == old.current:
        raise KeyMalformed(place=str(path), reason=f"version {version} is current and can not be removed")
    _write(path, old.current, {number: key for number, key in old.keys.items() if number != version}, replace=True)


def read_key_file(path: Path) -> Keyring:
    """Read a key file; raises ``KeyFileMissing``, ``KeyFileOpen`` or ``KeyMalformed``."""
    place = str(path)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyFileMissing(place=place) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMalformed(place=place, reason=f"it can not be read ({type(error).__name__})") from None
    if mode & stat.S_IRWXO:
        raise KeyFileOpen(place=place)
    try:
        document = json.loads(text)
        current = int(document["current"])
        encoded = {int(version): key for version, key in document["keys"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise KeyMalformed(place=place, reason="it is not the expected JSON") from None
    return _checked(current, encoded, place)


def parse_environment(text: str) -> Keyring:
    """Read ``IPAAS_KEK``: one key in base64, or ``version:key`` pairs with the current one first."""
    place = "IPAAS_KEK"
    encoded: dict[int, str] = {}
    for position, part in enumerate(text.split(",")):
        version, colon, key = part.strip().rpartition(":")
        if not colon and position:
            raise KeyMalformed(place=place, reason="several keys need their version, as in 2:<base64>,1:<base64>")
        if colon and not (version.isascii() and version.isdigit()):
            raise KeyMalformed(place=place, reason=f"part {position + 1} has no number before the colon")
        encoded[int(version or 1)] = key
    return _checked(next(iter(encoded)), encoded, place)


def _checked(current: int, encoded: Mapping[int, object], place: str) -> Keyring:
    keys = {}
    for version, text in encoded.items():
        try:
            key = base64.b64decode(str(text), validate=True)
        except (binascii.Error, ValueError):
            raise KeyMalformed(place=place, reason=f"version {version} is not base64") from None
        if len(key) != KEY_BYTES or not 0 < version < 2**31:
            reason = f"version {version} has {len(key)} bytes instead of {KEY_BYTES}, or a bad number"
            raise KeyMalformed(place=place, reason=reason)
        keys[version] = key
    if current not in keys:
        raise KeyMalformed(place=place, reason=f"the current version {current} is missing")
    return Keyring(current, keys, place)


def _write(path: Path, current: int, keys: Mapping[int, bytes], *, replace: bool) -> None:
    """Write whole or not at all; without ``replace`` an existing file wins (``FileExistsError``)."""
    encoded = {str(version): base64.b64encode(key).decode() for version, key in sorted(keys.items())}
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".kek-")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"current": current, "keys": encoded}, file)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(name).replace(path)
        else:
            path.hardlink_to(name)
    finally:
        Path(name).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise KeyFileMissing(place=str(path)) from None
    return str(path), status.st_mtime_ns, status.st_ino


def _aad(place: bytes, version: int) -> bytes:
    return b"ipaas-wrap-1|" + str(version).encode() + b"|" + place
