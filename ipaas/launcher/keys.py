"""Keys that every process of an instance needs; made at the first start, kept in the home folder."""

import base64
import json
import secrets
from pathlib import Path

from ipaas.launcher.identity import Identity


def ensure_keys(folder: Path) -> None:
    """Make the key-encryption key and the signing key, unless they are there. Losing them loses every secret."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kek = json.dumps({"current": 1, "keys": {"1": base64.b64encode(secrets.token_bytes(32)).decode()}})
    _ensure(folder / "kek.json", kek)
    _ensure(folder / "secret_key", secrets.token_urlsafe(48))


def ensure_password(folder: Path, name: str) -> str:
    return _ensure(folder / name, secrets.token_urlsafe(24)).strip()


def _ensure(path: Path, text: str) -> str:
    if not path.exists():
        Identity().write_file(path, text + "\n")
    return path.read_text()
