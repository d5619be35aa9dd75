"""What reached an endpoint and became no receipt: refusals, repetitions and answered challenges.

Kept for whoever looks for the reason, never believed: the newest of each endpoint, the beginning of the body and few
headers, sealed, and no more in a minute than a person could read. Nothing of it starts anything.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.db import DatabaseError

from ipaas.core import jsonio
from ipaas.core.ids import uuid7, uuid7_at
from ipaas.core.logging import get_logger
from ipaas.core.phrases import packed
from ipaas.events.caps import Rates, TooManyDeliveries
from ipaas.events.contents import DeliveryInvalid, read_body
from ipaas.events.intake import Arrival, EndpointView, kept_headers
from ipaas.events.models import ArrivalNote
from ipaas.sdk.signatures import SignatureScheme, without_token
from ipaas.vault.payloads import PayloadSealer

log = get_logger(__name__)

MOST_KEPT = 200
PER_MINUTE = 30
MOST_BODY = 4_000
MOST_HEADERS = 50
MOST_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Seen:
    """One arrival and what was made of it; ``status`` is what the sender was answered."""

    endpoint: EndpointView
    arrival: Arrival
    verdict: str
    status: int
    code: str = ""
    detail: str = ""
    receipt_id: UUID | None = None


class Attention:
    """Which arrivals of an endpoint are noted: all of a quiet one, some of a flood. Each process for itself."""

    def __init__(self) -> None:
        self._rates = Rates()

    def wanted(self, endpoint_id: UUID) -> bool:
        try:
            self._rates.take(endpoint_id, PER_MINUTE)
        except TooManyDeliveries:
            return False
        return True


def keep_note(seen: Seen) -> None:
    """Write an arrival down and forget the oldest; a database that is away loses the note, never the delivery."""
    note_id, endpoint, arrival = uuid7(), seen.endpoint, seen.arrival
    kept = kept_headers(endpoint, arrival.headers)
    content = {
        "headers": kept,
        "other_headers": sorted(arrival.headers.keys() - kept.keys())[:MOST_HEADERS],
        "query": dict(parse_qsl(arrival.query[:MOST_BODY], errors="replace")[:MOST_HEADERS]),
        "body": _beginning(endpoint.scheme, arrival),
    }
    try:
        ArrivalNote.objects.create(
            id=note_id,
            workspace_id=endpoint.workspace_id,
            endpoint_id=endpoint.id,
            verdict=seen.verdict,
            status=seen.status,
            code=seen.code,
            detail=_plain(seen.detail),
            words=_words(seen.detail),
            method=arrival.method[:10],
            peer=arrival.peer[:50],
            size=len(arrival.body),
            receipt_id=seen.receipt_id,
            sealed=endpoint.sealer.seal(jsonio.dumps(content), note_aad(note_id)),
        )
        rows = ArrivalNote.objects.filter(endpoint_id=endpoint.id).order_by("-id")
        over = rows.values_list("id", flat=True)[MOST_KEPT : MOST_KEPT + 1].first()
        if over is not None:
            ArrivalNote.objects.filter(endpoint_id=endpoint.id, id__lte=over).delete()
    except DatabaseError as error:
        log.warning("arrival not noted", action="note_failed", endpoint=endpoint.slug, error=type(error).__name__)


def read_note(note: ArrivalNote, sealer: PayloadSealer) -> Any:
    """The content of a note as it was sealed: to be redacted before anybody sees it."""
    return jsonio.loads(sealer.open(bytes(note.sealed), note_aad(note.id)))


def delete_notes(until: datetime) -> int:
    """Delete notes from before a moment; returns how many."""
    return ArrivalNote.objects.filter(id__lt=uuid7_at(until)).delete()[0]


def note_aad(note_id: UUID) -> bytes:
    """Binds a sealed note to its row."""
    return b"arrival:" + note_id.bytes


def _beginning(scheme: SignatureScheme, arrival: Arrival) -> Any:
    """The document where it is one of a small size, so that its members can be masked; else how it begins.

    Of a sender that proves itself by a token in the body nothing is kept that could hold it.
    """
    if len(arrival.body) <= MOST_BODY:
        try:
            return without_token(scheme, read_body(arrival.headers, arrival.body)[0])
        except (jsonio.JsonInvalid, DeliveryInvalid):
            pass
    if scheme.kind == "token" and scheme.path:
        return ""
    return _plain(arrival.body[:MOST_BODY].decode("utf-8", "replace"), MOST_BODY)


def _words(detail: str) -> Any:
    """The reason as a phrase, unless what the sender said makes it longer than a reason is."""
    return packed(detail) if len(detail) <= MOST_DETAIL else None


def _plain(text: str, most: int = MOST_DETAIL) -> str:
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text[:most])
