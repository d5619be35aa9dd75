"""Public keys that senders publish for their tokens (RFC 7517), fetched through the egress guard and kept a while."""

import asyncio
import time
from dataclasses import replace
from threading import Lock
from urllib.parse import urlsplit

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import EgressPolicy, HttpClient
from ipaas.events.intake import EndpointUnready, EndpointView

log = get_logger(__name__)

KEPT_S = 300.0
AGAIN_S = 10.0
"""How long keys that could not be had are not asked for: anybody may send to an endpoint, as often as they like."""
DEADLINE_S = 5.0
LARGEST = 256 * 1024
MOST_SETS = 1_000

_Place = tuple[str, EgressPolicy]
_sets: dict[_Place, tuple[float, str]] = {}
_lock = Lock()
_fetching: dict[_Place, Lock] = {}


def with_keys(endpoint: EndpointView) -> EndpointView:
    """The endpoint with its sender's published keys among the secrets; may fetch them: not on an event loop.

    Raises EndpointUnready when they can not be had.
    """
    found = _known((endpoint.scheme.jwks_url, endpoint.egress))
    if not found:
        raise EndpointUnready(slug=endpoint.slug)
    return replace(endpoint, secrets=(*endpoint.secrets, found))


def _known(place: _Place) -> str:
    """The keys of a place, fetched by one thread while others wait; empty when they can not be had."""
    with _lock:
        fetching = _fetching.setdefault(place, Lock())
    with fetching:
        found = _sets.get(place)
        if found is None or found[0] < time.monotonic():
            found = _asked(place)
            with _lock:
                if len(_sets) >= MOST_SETS:
                    _sets.clear()
                    _fetching.clear()
                _sets[place] = found
        return found[1]


def _asked(place: _Place) -> tuple[float, str]:
    try:
        keys = asyncio.run(_fetched(*place))
    except IpaasError as error:
        log.warning("key set not fetched", action="key_set_failed", host=urlsplit(place[0]).hostname, reason=error.code)
        return time.monotonic() + AGAIN_S, ""
    return time.monotonic() + KEPT_S, keys


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
