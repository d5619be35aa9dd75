"""Public keys that senders publish for their tokens (RFC 7517), fetched through the egress guard and kept a while."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from urllib.parse import urlsplit

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import EgressPolicy, HttpClient
from ipaas.events.intake import EndpointUnready, EndpointView
from ipaas.sdk.signatures.bearers import names_unknown_key

log = get_logger(__name__)

KEPT_S = 300.0
ANEW_S = 60.0
"""A delivery that names a key nobody knows has the set fetched anew, but not sooner than this after the last time."""
AGAIN_S = 10.0
"""How long keys that could not be had are not asked for: anybody may send to an endpoint, as often as they like."""
DEADLINE_S = 5.0
LARGEST = 256 * 1024
MOST_SETS = 1_000


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


def with_keys(endpoint: EndpointView, headers: Mapping[str, str]) -> EndpointView:
    """The endpoint with its sender's published keys among the secrets; may fetch them: not on an event loop.

    ``headers`` are those of the delivery, which names its key. Raises EndpointUnready when there are no keys to be had.
    """
    if not endpoint.scheme.jwks_url:
        return endpoint
    found = _known(endpoint, headers, (endpoint.scheme.jwks_url, endpoint.egress))
    if not found.text:
        raise EndpointUnready(slug=endpoint.slug)
    return replace(endpoint, secrets=(*endpoint.secrets, found.text))


def _known(endpoint: EndpointView, headers: Mapping[str, str], place: _Place) -> _Kept:
    """The keys of a place, fetched by one thread while others wait."""
    with _lock:
        fetching = _fetching.setdefault(place, Lock())
    with fetching:
        found, moment = _sets.get(place), time.monotonic()
        if found is None or found.until < moment:
            found = _asked(place)
        elif found.text and found.anew_from <= moment and names_unknown_key(endpoint.scheme, headers, found.text):
            anew = _asked(place)
            found = anew if anew.text else replace(found, anew_from=moment + ANEW_S)  # as good as a moment ago
        else:
            return found
        with _lock:
            if len(_sets) >= MOST_SETS:
                _sets.clear()
                _fetching.clear()
            _sets[place] = found
        return found


def _asked(place: _Place) -> _Kept:
    try:
        keys = asyncio.run(_fetched(*place))
    except IpaasError as error:
        log.warning("key set not fetched", action="key_set_failed", host=urlsplit(place[0]).hostname, reason=error.code)
        return _Kept("", time.monotonic() + AGAIN_S, 0.0)
    return _Kept(keys, time.monotonic() + KEPT_S, time.monotonic() + ANEW_S)


def forget_keys() -> None:
    """Fetch anew from now on."""
    with _lock:
        _sets.clear()
        _fetching.clear()


async def _fetched(url: str, egress: EgressPolicy) -> str:
    async with HttpClient() as client:
        headers = [(b"accept", b"application/jwk-set+json, application/json")]
        answer = await client.call("GET", url, headers, b"", egress=egress, deadline_s=DEADLINE_S, max_body=LARGEST)
    if answer.status != 200:
        raise EndpointUnready(slug=url[:80])
    return answer.body.decode("utf-8", "replace")
