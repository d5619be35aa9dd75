"""Every page that links lead to, as somebody finds them who looks everywhere once."""

import html
import http.client
import re
from collections import Counter
from urllib.parse import urlsplit

from bench.session import RunsLost

OF_A_KIND = 3  # pages that differ by numbers and ids alone
_LINK = re.compile(r'href="(/[^"#]*)"')
_NAMED = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
_LEFT_OUT = ("/static/", "/accounts/", "//")


def crawl(port: int, cookie: str, limit: int = 400) -> int:
    """Fetch pages from the first on, and say how many; raises when one is answered with a server error."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    waiting, seen, kinds = ["/"], {"/"}, Counter[str]()
    visited = 0
    while waiting and visited < limit:
        place = waiting.pop(0)
        client.request("GET", place, headers={"cookie": cookie, "accept": "text/html"})
        answer = client.getresponse()
        body = answer.read().decode(errors="replace")
        visited += 1
        if answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            message = f"{place} was answered with {answer.status}"
            raise RunsLost(message)
        found = [html.unescape(link) for link in _LINK.findall(body)]
        if target := answer.getheader("location"):
            found.append(urlsplit(target).path)
        for link in found:
            kind = _NAMED.sub("#", link)
            if link not in seen and not link.startswith(_LEFT_OUT) and kinds[kind] < OF_A_KIND:
                seen.add(link)
                kinds[kind] += 1
                waiting.append(link)
    client.close()
    return visited
