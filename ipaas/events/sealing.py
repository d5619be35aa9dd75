"""How a delivery is kept: sealed, headers and body as they came."""

from uuid import UUID


def receipt_aad(receipt_id: UUID) -> bytes:
    """Binds a sealed delivery to its receipt."""
    return b"receipt:" + receipt_id.bytes
