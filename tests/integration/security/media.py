"""Where a secret could turn up: everything that is stored, written, sent or shown, as bytes by the place's name."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import redis
from django.db import connection

from ipaas.config import settings

Places = Iterable[tuple[str, bytes]]


def tables() -> Iterator[tuple[str, bytes]]:
    """Every row of every table; bytes as hex, as they are written there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
        names = [row[0] for row in cursor.fetchall()]
        for name in names:
            with cursor.copy(f"COPY {name} TO STDOUT") as rows:
                yield f"table {name}", b"".join(bytes(part) for part in rows)


def broker() -> Iterator[tuple[str, bytes]]:
    """Every key of the broker's database, with its value."""
    client = redis.Redis.from_url(settings().redis_url)
    read: Mapping[bytes, Any] = {
        b"string": client.get, b"list": lambda key: client.lrange(key, 0, -1), b"set": client.smembers,
        b"hash": client.hgetall, b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }  # fmt: skip
    for key in client.scan_iter():
        yield "broker", key + b" " + repr(read[client.type(key)](key)).encode()
    client.close()


def spelled(value: str) -> tuple[bytes, ...]:
    """As it is, in hex, and in base64 wherever it begins in other data; the beginning is enough, as of one cut off."""
    raw = value[:18].encode()
    shifted = (base64.b64encode(bytes(shift) + raw)[skip:-4] for shift, skip in ((0, 0), (1, 2), (2, 3)))
    return (raw, raw.hex().encode(), *(one for one in shifted))


def found(secrets: Mapping[str, str], places: Places) -> set[tuple[str, str]]:
    """Which secret stands at which place."""
    by_form = {form: name for name, value in secrets.items() for form in spelled(value)}
    pattern = re.compile(b"|".join(re.escape(form) for form in by_form))
    return {(by_form[match[0]], place) for place, data in places for match in pattern.finditer(data)}
