"""Public keys that senders publish for their tokens (RFC 7517), fetched through the egress guard and kept a while."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import EgressPolicy, HttpClient
from ipaas.events.intake import EndpointUnready, EndpointView
from ipaas.sdk.signatures.bearers import names_unknown_key

log = get_logger(__name__)

KEPT_S = 300.0
AGAIN_S = 60.0
"""A delivery that names a key nobody knows has the set fetched anew, but not sooner than this after the last time."""
REFUSED_S = 10.0
"""How long keys that could not be had are not asked for: anybody may send to an endpoint, as often as they like."""
DEADLINE_S = 5.0
LARGEST = 256 * 1024
MOST_SETS = 1_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """A key set; ``until`` and ``again_from`` are times of the process's clock."""

    text: str
    until: float
    again_from: float


_Place = tuple[str, EgressPolicy]
_sets: dict[_Place, _Kept] = {}
_refused: dict[_Place, float] = {}
_lock = Lock()


def with_keys(endpoint: EndpointView, headers: Mapping[str, str]) -> EndpointView:
    """The endpoint with its sender's published keys among the secrets; may fetch them: not on an event loop.

    ``headers`` are those of the delivery, which names its key. Raises EndpointUnready when there are no keys to be had.
    """
    if not endpoint.scheme.jwks_url:
        return endpoint
    place, moment = (endpoint.scheme.jwks_url, endpoint.egress), time.monotonic()
    found = _sets.get(place)
    if found is None or found.until < moment:
        found = _kept(place, _fetched_for(endpoint, place), moment)
    elif found.again_from <= moment and names_unknown_key(endpoint.scheme, headers, found.text):
        found = _kept(place, found.text, moment, until=found.until)  # whoever else asks meanwhile does not fetch
        with suppress(EndpointUnready):  # said in the log; the keys at hand are as good as a moment ago
            found = _kept(place, _fetched_for(endpoint, place), moment)
    return replace(endpoint, secrets=(*endpoint.secrets, found.text))


def _kept(place: _Place, text: str, moment: float, until: float | None = None) -> _Kept:
    made = _Kept(text, until or moment + KEPT_S, moment + AGAIN_S)
    with _lock:
        if len(_sets) >= MOST_SETS:
            _sets.clear()
        _sets[place] = made
    return made


def _fetched_for(endpoint: EndpointView, place: _Place) -> str:
    if _refused.get(place, 0.0) > time.monotonic():
        raise EndpointUnready(slug=endpoint.slug)
    try:
        return asyncio.run(_fetched(*place))
    except IpaasError as error:
        with _lock:
            if len(_refused) >= MOST_SETS:
                _refused.clear()
            _refused[place] = time.monotonic() + REFUSED_S
        log.warning("key set not fetched", action="key_set_failed", endpoint=endpoint.slug, reason=error.code)
        raise EndpointUnready(slug=endpoint.slug) from None


def forget_keys() -> None:
    """Fetch anew from now on."""
    with _lock:
        _sets.clear()
        _refused.clear()


async def _fetched(url: str, egress: EgressPolicy) -> str:
    async with HttpClient() as client:
        headers = [(b"accept", b"application/jwk-set+json, application/json")]
        answer = await client.call("GET", url, headers, b"", egress=egress, deadline_s=DEADLINE_S, max_body=LARGEST)
    if answer.status != 200:
        raise EndpointUnready(slug=url[:80])
    return answer.body.decode("utf-8", "replace")
