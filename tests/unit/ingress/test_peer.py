"""Where a delivery came from is what the socket says: nobody talks the server into another address."""

from typing import Any

from ipaas.ingress.server import server


async def test_a_forwarded_address_does_not_take_the_place_of_the_peer() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"])

    config = server(app, "127.0.0.1", 0).config
    config.load()
    headers = [(b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": ("127.0.0.1", 50_000), "scheme": "http", "headers": headers}
    await config.loaded_app(scope, None, None)  # type: ignore[arg-type]  # neither is used
    assert seen == [("127.0.0.1", 50_000)]
