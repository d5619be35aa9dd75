"""The key pair that signs checkpoints and exports (Ed25519); its private half lies sealed in the database."""

import base64
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction

from ipaas import audit
from ipaas.audit.errors import SigningKeyUnusable
from ipaas.audit.models import AuditSigningKey
from ipaas.audit.verifier import key_id
from ipaas.core import providers
from ipaas.core.actor import SYSTEM

NONCE_BYTES = 12
_MAKING = 0x1A0D17  # advisory lock: two processes must not both make the first key


@dataclass(frozen=True, slots=True)
class Signature:
    key_id: str
    signature: bytes


def sign(statement: bytes) -> Signature:
    """Sign with the newest key, which is made when there is none; raises ``SigningKeyUnusable``."""
    row = _current() or _make()
    sealed, name = bytes(row.sealed_private_key), row.key_id
    try:
        raw = AESGCM(_sealing_key()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except InvalidTag:
        raise SigningKeyUnusable(reason=f"key {name} was sealed by another installation") from None
    return Signature(name, Ed25519PrivateKey.from_private_bytes(raw).sign(statement))


def ensure_key() -> None:
    """Make the first key when there is none, so that ``public_keys`` names the one that ``sign`` will use."""
    if _current() is None:
        _make()


def public_keys() -> dict[str, str]:
    """Every public key by its id, in base64; to be kept by whoever verifies."""
    rows = AuditSigningKey.objects.order_by("created_at")
    return {row.key_id: base64.b64encode(bytes(row.public_key)).decode() for row in rows}


@transaction.atomic
def renew_key() -> str:
    """Make a new key pair for what is signed from now on; signatures of earlier ones stay valid. Returns its id."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    name, nonce = key_id(public), os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(_sealing_key()).encrypt(nonce, private.private_bytes_raw(), name.encode())
    AuditSigningKey.objects.create(key_id=name, public_key=public, sealed_private_key=sealed)
    details = {"public_key": base64.b64encode(public).decode()}
    audit.record(
        "audit.key_created", actor=SYSTEM, workspace_id=None, subject=("audit_key", name, name), details=details
    )
    return name


def _current() -> AuditSigningKey | None:
    return AuditSigningKey.objects.filter(retired_at=None).order_by("-created_at").first()


@transaction.atomic
def _make() -> AuditSigningKey:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
    return _current() or AuditSigningKey.objects.get(key_id=renew_key())


def _sealing_key() -> bytes:
    key: bytes = providers.get("vault.platform_key")("audit.signing")
    return key
