"""Public keys and certificates that senders publish, fetched through the egress guard and kept a while."""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from urllib.parse import urlsplit

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import EgressPolicy, HttpClient
from ipaas.events.caps import Rates
from ipaas.events.intake import Arrival, EndpointUnready, EndpointView, check_signature
from ipaas.sdk.signatures import SignatureInvalid, paypal

log = get_logger(__name__)

KEPT_S = 300.0
ANEW_S = 60.0
"""A delivery that no known key verifies has them fetched anew, but not sooner than this after the last time."""
AGAIN_S = 10.0
"""How long keys that could not be had are not asked for: anybody may send to an endpoint, as often as they like."""
DEADLINE_S = 5.0
LARGEST = 256 * 1024
MOST_SETS = 1_000
MOST_ASKED = 20
"""How often in a minute an endpoint has keys fetched: a delivery may name a place of its own (PayPal)."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A key set, empty where it could not be had; ``until`` and ``anew_from`` are times of the process's clock."""

    text: str
    until: float
    anew_from: float


_Place = tuple[str, EgressPolicy]
_sets: dict[_Place, _Kept] = {}
_lock = Lock()
_fetching: dict[_Place, Lock] = {}
_asking = Rates()


def fetches_keys(endpoint: EndpointView) -> bool:
    """Whether the endpoint's sender publishes what its signatures are checked with."""
    scheme = endpoint.scheme
    return bool(scheme.kind == "paypal" or scheme.jwks_url or scheme.key_url)


def with_keys(endpoint: EndpointView, arrival: Arrival, moment: datetime) -> EndpointView:
    """The endpoint with its sender's published keys; may fetch them: not on an event loop.

    Raises EndpointUnready when there are no keys to be had, SignatureInvalid when a delivery names no good place.
    """
    if not fetches_keys(endpoint):
        return endpoint
    scheme = endpoint.scheme
    url = paypal.certificate_url(arrival.headers) if scheme.kind == "paypal" else scheme.jwks_url or scheme.key_url
    place = (url, endpoint.egress)
    with _lock:
        fetching = _fetching.setdefault(place, Lock())
    with fetching:  # one thread asks while others wait
        return _known(endpoint, arrival, moment, place)


def _known(endpoint: EndpointView, arrival: Arrival, moment: datetime, place: _Place) -> EndpointView:
    found, clock = _sets.get(place), time.monotonic()
    if found is None or found.until < clock:
        found = _kept(place, _asked(endpoint, place))
    if not found.text:
        raise EndpointUnready(slug=endpoint.slug)
    checked = replace(endpoint, keys=(found.text,))
    if found.anew_from <= clock and not _verifies(checked, arrival, moment):
        anew = _asked(endpoint, place)
        found = _kept(place, anew if anew.text else replace(found, anew_from=clock + ANEW_S))  # as good as before
    return replace(endpoint, keys=(found.text,))


def _verifies(endpoint: EndpointView, arrival: Arrival, moment: datetime) -> bool:
    try:
        check_signature(endpoint, arrival, moment)
    except SignatureInvalid:
        return False
    return True


def _kept(place: _Place, found: _Kept) -> _Kept:
    with _lock:
        if len(_sets) >= MOST_SETS:
            _sets.clear()
            _fetching.clear()
        _sets[place] = found
    return found


def _asked(endpoint: EndpointView, place: _Place) -> _Kept:
    try:
        _asking.take(endpoint.id, MOST_ASKED)
        keys = asyncio.run(_fetched(*place))
    except IpaasError as error:
        log.warning("keys not fetched", action="key_set_failed", host=urlsplit(place[0]).hostname, reason=error.code)
        return _Kept("", time.monotonic() + AGAIN_S, 0.0)
    return _Kept(keys, time.monotonic() + KEPT_S, time.monotonic() + ANEW_S)


def forget_keys() -> None:
    """Fetch anew from now on."""
    with _lock:
        _sets.clear()
        _fetching.clear()


async def _fetched(url: str, egress: EgressPolicy) -> str:
    async with HttpClient() as client:
        headers = [(b"accept", b"application/jwk-set+json, application/json, application/x-pem-file, */*;q=0.5")]
        answer = await client.call("GET", url, headers, b"", egress=egress, deadline_s=DEADLINE_S, max_body=LARGEST)
    if answer.status != 200:
        raise EndpointUnready(slug=url[:80])
    return answer.body.decode("utf-8", "replace")
