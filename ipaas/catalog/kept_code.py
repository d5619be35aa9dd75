"""Copies of the code of installed connectors, in the home of this host, under the hash of what they hold.

A copy is made of a folder or package that an administrator installed, and of nothing else; one whose content is not
what its name says is not executed. Code never comes out of the database: that holds the hash alone.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from ipaas.config import settings
from ipaas.core.logging import get_logger
from ipaas.sdk.connector import Connector, Handler
from ipaas.sdk.functions.running import function_handlers
from ipaas.sdk.loader import handlers_in

log = get_logger(__name__)


def digest_of(connector: Connector) -> str:
    """The hash of a connector's code; empty without code."""
    return hashlib.sha256(connector.code).hexdigest() if connector.code else ""


def keep_code(connectors: Iterable[Connector]) -> None:
    """Keep a copy of each installed connector's code. A home that can not be written to keeps none, which is told."""
    for connector in connectors:
        place = _place(digest_of(connector)) if connector.code else None
        if place is None or place.exists():
            continue
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=place.parent, delete=False) as file:
                file.write(connector.code)
            os.replace(file.name, place)
        except OSError:
            log.warning("a connector's code can not be kept", action="code_not_kept", connector=connector.slug)


@lru_cache(maxsize=64)
def kept_handlers(slug: str, digest: str, functions: tuple[str, ...] = ()) -> Mapping[str, Handler] | None:
    """The handlers of a kept copy, of ``functions`` such that run apart.

    None where this host has none, or another text under that name.
    """
    place = _place(digest)
    try:
        found = hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError:
        return None
    if found != digest:
        log.error("a kept connector.py was changed and is not used", action="code_changed", connector=slug)
        return None
    return function_handlers(place, functions) if functions else handlers_in(place, f"{slug}_{digest[:16]}")


def _place(digest: str) -> Path:
    return settings().home / "connector-code" / f"{digest}.py"
