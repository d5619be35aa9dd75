"""The address a request came from."""

import ipaddress

from django.http import HttpRequest

from ipaas.config import settings


def client_ip(request: HttpRequest) -> str:
    """The caller's address, "" when unknown.

    ``X-Forwarded-For`` counts only as far as trusted proxies wrote it: with ``IPAAS_TRUSTED_PROXIES=n`` the n-th
    address from the right, with 0 (the default) none of it. Anything that is not an address is ignored.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    trusted = settings().trusted_proxies
    candidate = hops[-trusted] if 0 < trusted <= len(hops) else direct
    for text in (candidate, direct):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            continue
    return ""
