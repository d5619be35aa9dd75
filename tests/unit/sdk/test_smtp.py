"""The mail dialogue: encryption, sign-in, refusals, and when a mail may have gone out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from ipaas.sdk.testing import ConnectorSuite
from ipaas.sdk.transports import smtp
from ipaas.sdk.transports.smtp import Server

FOLDER = Path(__file__).resolve().parents[3] / "connectors" / "smtp"
MAIL: dict[str, Any] = {"to": ["a@shop.example", "b@shop.example"], "subject": "Grüße", "text": ".\r\nHallo\n..x\n"}


class Kit(ConnectorSuite):
    folder = FOLDER
    config = {"host": "mail.shop.example", "from_address": "orders@shop.example"}


async def send(
    script: dict[str, Any] | None = None, key: str = "k", **changes: Any
) -> tuple[Any, list[dict[str, Any]]]:
    async with Kit().bench() as bench:
        if script:
            bench.fault("send_mail", **script)
        try:
            outcome: Any = await bench.connector.execute("send_mail", {**MAIL, **changes}, bench.io(key=key))
        except ActionError as error:
            outcome = error
        return outcome, bench.server.ledger.find({})


async def test_a_mail_arrives_with_all_recipients_and_a_constant_id() -> None:
    first, lines = await send(bcc="c@shop.example", reference="FH-1")
    second, _ = await send(bcc="c@shop.example", reference="FH-1")
    assert lines[0]["body"]["to"] == ["a@shop.example", "b@shop.example", "c@shop.example"]
    assert lines[0]["reference"] == "FH-1"
    assert lines[0]["body"]["subject"] == "Grüße"
    assert first.data["message_id"] == second.data["message_id"] == lines[0]["key"]


async def test_a_repeated_message_id_is_noted_as_repeated() -> None:
    async with Kit().bench() as bench:
        for _ in range(2):
            await bench.connector.execute("send_mail", MAIL, bench.io(key="same"))
        assert [line["outcome"] for line in bench.server.ledger.find({})] == ["effect", "replay"]


@pytest.mark.parametrize(
    ("script", "sent", "arrived"),
    [
        ({"kind": "reset", "when": "before"}, False, 0),
        ({"kind": "reset", "when": "after"}, True, 1),
        ({"kind": "status", "status": 503, "when": "before"}, False, 0),
        ({"kind": "reject"}, False, 0),
    ],
)
async def test_only_the_final_dot_makes_an_outcome_unknown(script: dict[str, Any], sent: bool, arrived: int) -> None:
    error, lines = await send(script)
    assert isinstance(error, ActionError)
    assert error.sent is sent
    assert (error.applied is None) is sent
    assert len(lines) == arrived


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "a@shop.example>\r\nRCPT TO:<evil@shop.example"},
        {"to": "nobody"},
        {"to": ""},
        {"subject": "a\r\nBcc: evil@shop.example"},
        {"reply_to": "x\ny@z"},
        {"reference": "a\nX-Evil: 1"},
    ],
)
async def test_line_breaks_and_bad_addresses_never_reach_the_server(changes: dict[str, Any]) -> None:
    error, lines = await send(None, **changes)
    assert isinstance(error, ActionError)
    assert error.error_class is ErrorClass.CONTRACT_VIOLATION
    assert lines == []


@asynccontextmanager
async def talker(*replies: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            writer.write(reply)
            if not await reader.readline():
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("replies", "error_class"),
    [
        ([b"220 x\r\n", b"250 x\r\n"], ErrorClass.CONFIGURATION),
        ([b"421 busy\r\n"], ErrorClass.TRANSIENT),
        ([b"554 go away\r\n"], ErrorClass.BUSINESS_REJECTION),
        ([b"hello\r\n"], ErrorClass.TRANSIENT),
        ([b"220 x\r\n", b"250-" + b"x" * 90_000], ErrorClass.TRANSIENT),
        ([b"220 x\r\n", b"250-a\r\n" * 200], ErrorClass.TRANSIENT),
        ([], ErrorClass.TRANSIENT),
    ],
)
async def test_servers_that_lack_starttls_or_babble_are_classed(replies: list[bytes], error_class: ErrorClass) -> None:
    connector = load_folder(FOLDER)
    async with Kit().bench() as bench, talker(*replies) as port:
        io = bench.io(key="k")
        io.config = {**io.config, "port": port, "security": "starttls"}
        with pytest.raises(ActionError) as caught:
            async with asyncio.timeout(5):
                await connector.execute("send_mail", MAIL, io)
    assert caught.value.error_class is error_class
    assert not caught.value.sent


async def test_a_silent_server_ends_by_the_deadline() -> None:
    async with Kit().bench() as bench, talker(b"") as port:
        io = bench.io(key="k")
        io.config = {**io.config, "port": port}
        server = Server("127.0.0.1", port, "none", deadline_s=0.05)
        with pytest.raises(ActionError) as caught:
            await smtp.send(io, server, sender="a@b", recipients=["c@d"], message=b"x", login=None)
    assert caught.value.error_class is ErrorClass.TIMEOUT
    assert not caught.value.sent
