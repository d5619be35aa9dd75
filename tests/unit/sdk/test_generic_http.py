"""GraphQL, chat webhooks and CloudEvents: what goes over the wire and how answers are judged."""

from pathlib import Path
from typing import Any

import pytest

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps, loads
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from ipaas.sdk.transports import HttpAnswer

CONNECTORS = Path(__file__).resolve().parents[3] / "connectors"
GRAPHQL, CHAT, EVENTS = (load_folder(CONNECTORS / slug) for slug in ("graphql", "chat", "cloudevents"))


class Io:
    """Answers every request with the same and keeps what was sent."""

    def __init__(self, connector: Connector, config: Any = None, status: int = 200, answer: Any = None) -> None:
        self.config = connector.with_config_defaults(config or {})
        self.answer = HttpAnswer(status, {"content-type": "application/json"}, dumps(answer))
        self.effect_key: str | None = "effect-1"
        self.sent: list[tuple[str, str, Any, Any, bytes]] = []
        self.secrets = {"path": "services/T0/B0/canary?thread=1"}

    @property
    def http(self) -> "Io":
        return self

    async def send(self, method: str, path: str, query: Any, headers: Any, body: bytes) -> HttpAnswer:
        self.sent.append((method, path, query, headers, body))
        return self.answer

    def secret(self, field: str) -> str | None:
        return self.secrets.get(field)


async def test_graphql_sends_variables_with_their_nulls_and_gives_the_data() -> None:
    io = Io(GRAPHQL, answer={"data": {"order": None}})
    result = await GRAPHQL.execute("query", {"query": "{ order }", "variables": {"id": None}}, io)  # type: ignore[arg-type]
    assert result.data == {"order": None}
    assert loads(io.sent[0][4]) == {"query": "{ order }", "variables": {"id": None}, "operationName": None}


@pytest.mark.parametrize(
    ("error", "expected", "applied"),
    [
        ({"message": "m", "extensions": {"code": "UNAUTHENTICATED"}}, ErrorClass.AUTH, False),
        ({"message": "m", "extensions": {"code": "THROTTLED"}}, ErrorClass.THROTTLED, False),
        ({"message": "m", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}, ErrorClass.CONTRACT_VIOLATION, False),
        ({"message": "m", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}, ErrorClass.TRANSIENT, None),
        ({"message": "m", "type": "NOT_FOUND"}, ErrorClass.NOT_FOUND, None),
        ({"message": "sold out"}, ErrorClass.BUSINESS_REJECTION, None),
    ],
)
async def test_graphql_errors_inside_a_good_answer_are_errors(
    error: dict[str, Any], expected: ErrorClass, applied: bool | None
) -> None:
    io = Io(GRAPHQL, answer={"data": {"a": 1}, "errors": [error]})
    with pytest.raises(ActionError) as caught:
        await GRAPHQL.execute("mutate", {"mutation": "mutation { a }"}, io)  # type: ignore[arg-type]
    assert (caught.value.error_class, caught.value.applied) == (expected, applied)
    assert caught.value.message == error["message"]


@pytest.mark.parametrize(
    "text", ["mutation { a }", "mutation A($x: ID) { a }", "{ a } mutation B { b }", "\nsubscription{a}"]
)
async def test_a_query_is_no_mutation(text: str) -> None:
    io = Io(GRAPHQL)
    with pytest.raises(ActionError):
        await GRAPHQL.execute("query", {"query": text}, io)  # type: ignore[arg-type]
    assert io.sent == []


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("slack", ("text", "*T*\nHi")),
        ("google", ("text", "*T*\nHi")),
        ("mattermost", ("text", "**T**\nHi")),
        ("discord", ("content", "**T**\nHi")),
        ("teams", ("type", "message")),
    ],
)
async def test_a_chat_gets_its_own_form_and_the_path_is_never_shown(kind: str, place: tuple[str, str]) -> None:
    io = Io(CHAT, {"kind": kind})
    result = await CHAT.execute("post_message", {"title": "T", "text": "Hi", "extra": {"x": 1}}, io)  # type: ignore[arg-type]
    method, path, query, _, body = io.sent[0]
    assert (method, path, query) == ("POST", "/services/T0/B0/canary", (("thread", "1"),))
    assert loads(body)[place[0]] == place[1]
    assert loads(body)["x"] == 1
    assert "canary" not in repr(result)


@pytest.mark.parametrize("path", ["", "a b", "a\r\nX: y", "a#b"])
async def test_a_chat_path_that_is_no_path_is_told(path: str) -> None:
    io = Io(CHAT)
    io.secrets["path"] = path
    with pytest.raises(ActionError) as caught:
        await CHAT.execute("post_message", {"text": "Hi"}, io)  # type: ignore[arg-type]
    assert (caught.value.error_class, io.sent) == (ErrorClass.CONFIGURATION, [])


EVENT = {
    "type": "com.example.shipped",
    "subject": 'Grüße "x" 100%',
    "time": "2026-01-05T08:00:00Z",
    "data": {"n": 1},
    "extensions": {"flag": True, "count": 3},
}


async def test_cloudevents_are_read_by_the_reference_implementation_in_both_modes() -> None:
    from cloudevents.core.bindings.http import HTTPMessage, from_http_event

    ids = []
    for mode in ("structured", "binary"):
        io = Io(EVENTS, {"source": "/shops/a b".replace(" ", "%20"), "mode": mode}, 202)
        await EVENTS.execute("send_event", EVENT, io)  # type: ignore[arg-type]
        _, _, _, headers, body = io.sent[0]
        assert all(value.isascii() and value.isprintable() for value in headers.values())
        read = from_http_event(HTTPMessage(headers=dict(headers), body=body))
        assert (read.get_type(), read.get_subject(), read.get_data()) == (EVENT["type"], EVENT["subject"], {"n": 1})
        assert read.get_source() == "/shops/a%20b"
        ids.append(read.get_id())
    assert ids[0] == ids[1]


async def test_an_extension_may_not_take_the_place_of_an_attribute() -> None:
    io = Io(EVENTS, {"source": "/a"})
    with pytest.raises(ActionError) as caught:
        await EVENTS.execute("send_event", {"type": "t", "extensions": {"id": "x"}}, io)  # type: ignore[arg-type]
    assert (caught.value.error_class, io.sent) == (ErrorClass.CONTRACT_VIOLATION, [])
