"""Public keys that senders publish for their tokens (RFC 7517), fetched through the egress guard and kept a while."""

import asyncio
import time
from dataclasses import replace
from threading import Lock

from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.core.net import EgressPolicy, HttpClient
from ipaas.events.intake import EndpointUnready, EndpointView

log = get_logger(__name__)

KEPT_S = 300.0
DEADLINE_S = 5.0
LARGEST = 256 * 1024
MOST_SETS = 1_000

_sets: dict[tuple[str, EgressPolicy], tuple[float, str]] = {}
_lock = Lock()


def with_keys(endpoint: EndpointView) -> EndpointView:
    """The endpoint with its sender's published keys among the secrets; may fetch them: not on an event loop.

    Raises EndpointUnready when they can not be had.
    """
    place = (endpoint.scheme.jwks_url, endpoint.egress)
    found = _sets.get(place)
    if found is None or found[0] < time.monotonic():
        try:
            found = (time.monotonic() + KEPT_S, asyncio.run(_fetched(*place)))
        except IpaasError as error:
            log.warning("key set not fetched", action="key_set_failed", endpoint=endpoint.slug, reason=error.code)
            raise EndpointUnready(slug=endpoint.slug) from None
        with _lock:
            if len(_sets) >= MOST_SETS:
                _sets.clear()
            _sets[place] = found
    return replace(endpoint, secrets=(*endpoint.secrets, found[1]))


def forget_keys() -> None:
    """Fetch anew from now on."""
    with _lock:
        _sets.clear()


async def _fetched(url: str, egress: EgressPolicy) -> str:
    async with HttpClient() as client:
        headers = [(b"accept", b"application/jwk-set+json, application/json")]
        answer = await client.call("GET", url, headers, b"", egress=egress, deadline_s=DEADLINE_S, max_body=LARGEST)
    if answer.status != 200:
        raise EndpointUnready(slug=url[:80])
    return answer.body.decode("utf-8", "replace")
