"""Storing one delivery at a time, for the plain view; the ingress stores many at once by the same statements."""

from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction

from ipaas.core.logging import get_logger
from ipaas.events.intake import (
    ACCEPT,
    FIRST_OF,
    KEEP_CONFLICT,
    DeliveryConflict,
    EndpointUnknown,
    EndpointView,
    NotStored,
    ReceiptRow,
    check_address,
    columns,
    conflict_row,
    decide_repeated,
)
from ipaas.events.queries import endpoint_view

log = get_logger(__name__)
_ACCEPT = ACCEPT.replace("%b", "%s")


def accept_delivery(row: ReceiptRow) -> UUID:
    """Store a delivery and return after the commit, with the first receipt's id for a repeated one.

    Raises ``DeliveryConflict`` (kept, but not run) or ``NotStored`` (not kept).
    """
    try:
        found = _store(row)
    except DatabaseError as error:
        log.warning("delivery not stored", action="accept_failed", count=1, error=type(error).__name__)
        raise NotStored from None
    if found is None:
        raise DeliveryConflict(delivery_id=row.delivery_id)
    return found


@transaction.atomic(durable=True)
def _store(row: ReceiptRow) -> UUID | None:
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPT, columns([row]))
        if cursor.fetchone() is not None:
            return row.id
        cursor.execute(FIRST_OF, [row.endpoint_id, row.delivery_id])
        first = cursor.fetchone()
        if first is None:
            raise NotStored
        same = decide_repeated(row, first)
        if same is None:
            cursor.execute(KEEP_CONFLICT, conflict_row(row, first))
        return same


def load_endpoint(public_id: str) -> EndpointView:
    """The endpoint at an address; raises ``EndpointUnknown``, ``EndpointUnready`` or ``NotStored``."""
    check_address(public_id)
    try:
        found = endpoint_view(public_id)
    except DatabaseError:
        log.warning("endpoint not loaded", action="endpoint_failed")
        raise NotStored from None
    if found is None:
        raise EndpointUnknown
    return found
