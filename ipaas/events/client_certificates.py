"""The client certificate of a sender, as a proxy in front of the ingress hands it on."""

from collections.abc import Iterable

from ipaas.config import settings
from ipaas.events.caps import within


def handed_on(direct: str, values: Iterable[str]) -> str:
    """The header's text as it came, "" unless the connection itself is one of a trusted proxy.

    ``direct`` is the connection's other end, never what ``X-Forwarded-For`` says; ``values`` are the lines of the
    header, of which there is to be one.
    """
    return ",".join(values) if within(settings().client_cert_proxies, direct) else ""
