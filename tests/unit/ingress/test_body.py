"""A body is taken whole or not at all."""

import asyncio
from typing import Any

import pytest

from ipaas.core.errors import TooLarge
from ipaas.events.intake import MAX_BODY
from ipaas.ingress.app import SenderGone, _body


def read(*messages: dict[str, Any], **headers: str) -> bytes:
    rest = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(rest)

    return asyncio.run(_body({name.replace("_", "-"): value for name, value in headers.items()}, receive))


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_parts_are_put_together() -> None:
    assert read(part(b"12", more=True), part(b"34", more=False)) == b"1234"


def test_a_sender_that_leaves_in_the_middle_has_sent_nothing() -> None:
    with pytest.raises(SenderGone):
        read(part(b"12", more=True), {"type": "http.disconnect"}, content_length="4")


@pytest.mark.parametrize("sizes", [[MAX_BODY + 1], [MAX_BODY, 1]], ids=["at_once", "in_parts"])
def test_a_body_that_names_no_length_is_still_bounded(sizes: list[int]) -> None:
    with pytest.raises(TooLarge):
        read(*(part(b"x" * size, more=True) for size in sizes), part(b"", more=False))
