"""The address a request came from."""

import ipaddress
from typing import Protocol

from django.http import HttpRequest

from ipaas.config import settings


def client_ip(request: HttpRequest) -> str:
    """The caller's address, "" when unknown.

    ``X-Forwarded-For`` counts only as far as trusted proxies wrote it: with ``IPAAS_TRUSTED_PROXIES=n`` the n-th
    address from the right, with 0 (the default) none of it. Anything that is not an address is ignored.
    """
    return forwarded_ip(str(request.META.get("REMOTE_ADDR", "")), request.headers.get("X-Forwarded-For", ""))


def forwarded_ip(direct: str, forwarded: str) -> str:
    """``client_ip`` of a connection's other end and its ``X-Forwarded-For``."""
    hops = [part.strip() for part in forwarded.split(",")]
    trusted = settings().trusted_proxies
    candidate = hops[-trusted] if 0 < trusted <= len(hops) else direct
    for text in (candidate, direct):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            continue
    return ""


class Absolute(Protocol):
    """A request of Django or of the REST framework."""

    def build_absolute_uri(self, location: str | None = None, /) -> str: ...


def absolute(request: Absolute, path: str) -> str:
    """The address that people use for a path of the pages."""
    public = settings().public_url
    return f"{public.rstrip('/')}{path}" if public else request.build_absolute_uri(path)
