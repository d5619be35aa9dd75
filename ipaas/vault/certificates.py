"""When the certificates inside a secret end, which nobody has to type."""

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509

_PEM = "-----BEGIN CERTIFICATE-----"


def ending(values: Iterable[str], said: datetime | None = None) -> datetime | None:
    """The earliest of ``said`` and of the ends (notAfter) of the certificates among the values.

    Of a chain the first certificate counts, which is the holder's own. What can not be read says nothing here.
    """
    ends = [end for value in values if _PEM in value and (end := _end(value)) is not None]
    return min([*ends, *([said] if said is not None else [])], default=None)


def _end(pem: str) -> datetime | None:
    try:
        return x509.load_pem_x509_certificates(pem.encode())[0].not_valid_after_utc
    except (ValueError, TypeError, OverflowError):
        return None
