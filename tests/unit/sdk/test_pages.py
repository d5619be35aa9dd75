"""Lists page by page: each kind against its stand-in, and what is refused rather than followed."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ipaas.core.errors import ErrorClass
from ipaas.core.jsonio import dumps
from ipaas.core.net import HttpClient
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest_reader import ManifestInvalid, parse_manifest
from ipaas.sdk.stubs.server import StubServer
from ipaas.sdk.testing import Bench
from tests.unit.sdk.test_manifest import GOOD

SIZE = {"type": ["integer", "null"], "minimum": 1}
KINDS: dict[str, dict[str, Any]] = {
    "cursor": {"param": "at", "next": "data.next"},
    "page": {"kind": "page", "param": "at", "size": 3},
    "page_from_zero": {"kind": "page", "param": "at", "start": 0},
    "offset": {"kind": "offset", "param": "at", "size": "{{ params.size }}"},
    "link": {"kind": "link"},
    "next_url": {"kind": "next_url", "next": "body.next"},
}


def manifest(pages: Mapping[str, Any], **action: Any) -> dict[str, Any]:
    document = deepcopy(GOOD)
    document["actions"]["read"] |= {
        "query": {"at": "{{ params.at }}", "size": "{{ params.size }}"},
        "params_schema": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"at": {"type": ["string", "integer", "null"]}, "size": SIZE},
        },
        "pagination": {"items": "data.things", **pages},
        **action,
    }
    seeds = {f"t{number}": {"id": number} for number in range(7)}
    body = {"things": "{{ items }}", "next": "{{ next }}", "total": 7}
    document["stub"] = {
        "seeds": {"thing": seeds},
        "operations": {
            "read": {
                "do": "list",
                "entity": "thing",
                "limit": "{{ query.size }}",
                "reply": {"status": 200, "body": body},
            }
        },
    }
    return document


@pytest.mark.parametrize("kind", KINDS)
async def test_the_pages_of_every_kind_are_followed_to_their_end(kind: str, tmp_path: Path) -> None:
    connector = Connector(parse_manifest(manifest(KINDS[kind])))

    async def no_post(*_: Any) -> int:
        raise AssertionError

    server = StubServer([connector], ledger=tmp_path / "ledger", token="t", post=no_post)
    (listener,) = await server.listen("127.0.0.1", 0, None)
    async with HttpClient() as client:
        bench = Bench(connector, server, client, listener.sockets[0].getsockname()[1], 0, {})
        one, all_of_them = bench.io(), bench.io()
        page = await connector.execute("read", {"size": 3}, one)
        assert [thing["id"] for thing in page.data["things"]] == [0, 1, 2]
        whole = await connector.execute("read", {"size": 3, "all_pages": True}, all_of_them)
    listener.close()
    await listener.wait_closed()
    server.ledger.close()
    assert [thing["id"] for thing in whole.data["things"]] == list(range(7))
    assert whole.data["total"] == 7
    assert len(one.wire) == 1
    assert len(all_of_them.wire) == (4 if kind == "page_from_zero" else 3)


@dataclass
class Scripted:
    """Answers in their order, the last again and again; keeps what was asked for."""

    answers: list[tuple[Any, dict[str, str]]]
    base_url: str = "https://api.example.com/v1"
    config: Mapping[str, Any] = field(default_factory=dict)
    effect_key: str | None = None
    asked: list[tuple[str, tuple[tuple[str, str], ...]]] = field(default_factory=list)

    @property
    def http(self) -> "Scripted":
        return self

    async def send(self, _method: str, path: str, query: Any, _headers: Any, _body: bytes) -> Any:
        from ipaas.sdk.transports import HttpAnswer

        self.asked.append((path, query))
        value, headers = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return HttpAnswer(200, {"content-type": "application/json", **headers}, dumps(value))

    async def another_request(self) -> None:
        pass


async def refused(pages: Mapping[str, Any], *answers: tuple[Any, dict[str, str]]) -> ActionError:
    connector = Connector(parse_manifest(manifest(pages)))
    with pytest.raises(ActionError) as caught:
        await connector.execute("read", {"all_pages": True}, Scripted(list(answers)))  # type: ignore[arg-type]
    assert caught.value.error_class is ErrorClass.CONTRACT_VIOLATION
    return caught.value


THINGS = {"things": [{"id": 1}]}


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://evil.example.com/v1/things", "pagination_elsewhere"),
        ("//evil.example.com/v1/things", "pagination_elsewhere"),
        ("http://api.example.com/v1/things", "pagination_elsewhere"),
        ("https://api.example.com:444/v1/things", "pagination_elsewhere"),
        ("https://api.example.com/admin/things", "pagination_elsewhere"),
        ("https://api.example.com/v1x/things", "pagination_elsewhere"),
        ("/admin", "pagination_elsewhere"),
        ("../../admin", "pagination_elsewhere"),
        ("https://user@api.example.com/v1/things", "pagination_address"),
        ("https://api.example.com/v1/%2e%2e/admin", "pagination_address"),
        ("file:///etc/passwd", "pagination_address"),
        ("javascript:1", "pagination_address"),
        ("/v1/things?a b", "pagination_address"),
    ],
)
async def test_an_address_elsewhere_is_not_followed(address: str, code: str) -> None:
    for pages, answer in (
        (KINDS["next_url"], ({**THINGS, "next": address}, {})),
        (KINDS["link"], (THINGS, {"link": f'<{address}>; rel="next"'})),
    ):
        assert (await refused(pages, answer)).vendor_code == code


@pytest.mark.parametrize(
    ("pages", "answer", "code"),
    [
        (KINDS["cursor"], {**THINGS, "next": "same"}, "pagination_loop"),
        (KINDS["next_url"], {**THINGS, "next": "/v1/things?page=2"}, "pagination_loop"),
        ({**KINDS["page"], "size": 1, "max_pages": 3}, THINGS, "pagination_too_long"),
        (KINDS["cursor"], {"things": "none"}, "pagination_items"),
        ({**KINDS["cursor"], "items": "data.things | map('id')"}, {**THINGS, "next": None}, "pagination_items"),
        ({**KINDS["cursor"], "next": "data.more.at"}, THINGS, "pagination_next"),
    ],
)
async def test_pages_that_do_not_end_or_can_not_be_read_are_an_error(pages: Any, answer: Any, code: str) -> None:
    assert (await refused(pages, (answer, {}))).vendor_code == code


async def test_addresses_are_followed_relative_and_absolute_with_their_query() -> None:
    connector = Connector(parse_manifest(manifest(KINDS["link"])))
    io = Scripted(
        [
            (THINGS, {"link": '<https://api.example.com/v1/things?x=a%20b&y=>; rel="next", </first>; rel="first"'}),
            (THINGS, {"link": "<things/more?z=1>; rel=next"}),
            (THINGS, {"link": '</v1/>; rel="prev"'}),
        ]
    )
    result = await connector.execute("read", {"all_pages": True}, io)  # type: ignore[arg-type]
    assert [path for path, _ in io.asked] == ["/things", "/things", "/things/more"]
    assert io.asked[1][1] == (("x", "a b"), ("y", ""))
    assert len(result.data["things"]) == 3


async def test_an_empty_list_ends_where_the_next_cursor_is_that_of_the_last_item() -> None:
    connector = Connector(parse_manifest(manifest({"param": "at", "next": "data.things[-1].id"})))
    io = Scripted([({"things": [{"id": 4}]}, {}), ({"things": []}, {})])
    assert (await connector.execute("read", {"all_pages": True}, io)).data == {"things": [{"id": 4}]}  # type: ignore[arg-type]
    assert io.asked[1][1] == (("at", "4"),)


@pytest.mark.parametrize(
    ("pages", "place", "code"),
    [
        ({"param": "at"}, "next", "required"),
        ({"kind": "page"}, "param", "required"),
        ({"kind": "next_url"}, "next", "required"),
        ({"kind": "link", "next": "data.next"}, "next", "unused"),
        ({"kind": "cursor", "param": "at", "next": "data.next", "start": 1}, "start", "unused"),
        ({"kind": "offset", "param": "gone"}, "param", "unknown"),
    ],
)
def test_a_pagination_that_can_not_work_names_the_place(pages: Any, place: str, code: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(manifest(pages))
    assert ("actions.read.pagination." + place, code) in [(one["path"], one["code"]) for one in caught.value.errors]


def test_a_parameter_of_the_vendor_must_not_hide_that_of_the_platform() -> None:
    document = manifest(KINDS["cursor"])
    document["actions"]["read"]["params_schema"]["properties"]["all_pages"] = {"type": "string"}
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(document)
    assert caught.value.errors[0]["code"] == "reserved"


def test_the_resolved_document_reads_the_same_again() -> None:
    once = parse_manifest(manifest(KINDS["cursor"]))
    assert parse_manifest(once.document).actions == once.actions
