"""Commands, collections, recordings and GraphQL schemas become the same manifest; their secrets become nothing."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.openapi import Imported, OpenApiUnreadable, import_openapi
from ipaas.sdk.openapi.sources import Cleaned, cleaned
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.transports import HttpAnswer

SECRET = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"


def of(text: str | dict[str, Any], kind: str = "") -> Imported:
    return import_openapi(kept(text, kind).source, slug="vendor")


def kept(text: str | dict[str, Any], kind: str = "") -> Cleaned:
    return cleaned(text.encode() if isinstance(text, str) else jsonio.dumps(text), kind)


def request_of(found: Imported, **params: Any) -> BuiltRequest:
    (name,) = found.manifest.actions
    action = Connector(found.manifest).actions[name]
    return action.build(action.checked_params({**action.spec.params_example, **params}), {}, None)


def auth_of(found: Imported) -> list[tuple[str, str, str]]:
    return [(one.type, one.location, one.parameter) for one in found.manifest.auth.values()]


LINES = """curl \\
  --request PATCH \\
  --url https://api.example.com/f \\
  --data-raw '{}' \\
  -H 'content-type: application/json'
"""
BASH = "curl 'https://api.example.com/f' -H 'content-type: application/json' --data-raw $'{\"a\":\"it\\'s \\u00e9\"}'"
COMMANDS = {
    "plain": ("curl https://api.example.com/v1/things", "GET", "/v1/things", "", []),
    "data": ("curl -d 'a=1&b=x%20y' https://api.example.com/f", "POST", "/f", "a=1&b=x+y", []),
    "json": ("""curl --json '{"a": [1, "i'"'"'s"]}' https://api.example.com/f""", "POST", "/f", '{"a":[1,"i\'s"]}', []),
    "several": ("curl https://api.example.com/f -d a=1 -d b=2 -X PUT", "PUT", "/f", "a=1&b=2", []),
    "encoded": ("curl https://api.example.com/f --data-urlencode 'q=a&b c'", "POST", "/f", "q=a%26b+c", []),
    "get": ("curl -G https://api.example.com/f -d a=1 -d 'b=x y'", "GET", "/f", "", [("a", "1"), ("b", "x y")]),
    "head": ("curl -sSI https://api.example.com/f", "HEAD", "/f", "", []),
    "glued": ("curl -XDELETE -HAccept:text/plain https://api.example.com/things", "DELETE", "/things", "", []),
    "lines": (LINES, "PATCH", "/f", "{}", []),
    "bash": (BASH, "POST", "/f", '{"a":"it\'s é"}', []),
    "bare": ("$ curl api.example.com/f --compressed -k", "GET", "/f", "", []),
    "query": ("curl 'https://api.example.com/f?x=1&x=2' -m 5", "GET", "/f", "", [("x", "1"), ("x", "2")]),
}  # fmt: skip


AS_JSON = "-H 'Content-Type: application/json'"
WINDOWS = r'''curl ^"https://api.example.com/f?a=1^&b=2^" ^
  -H ^"content-type: application/json^" ^
  --data-raw ^"^{^\^"n^\^":^\^"50^% off^\^"^}^"'''
POWERSHELL = r'''curl.exe -X PUT "https://api.example.com/f" `
  -d "{\"a\":1}" `
  -H "Content-Type: application/json"'''
CODED = r"""curl https://api.example.com/f --json $'{"a":"\ud83d\ude00 \xc3\xbc \303\274 \u00fc"}'"""
DOLLAR = """curl https://api.example.com/f --json '{"a":"5 $"}'"""
HERE = f"""curl https://api.example.com/f {AS_JSON} -d @- <<'EOF'
{{"a": 1}}
EOF
"""
MARKUP = "curl https://api.example.com/f -H 'Content-Type: text/xml' -d '<a>1</a>'"
REPEATED = "curl https://api.example.com/f -d 'e[]=a' -d 'e[]=b' -d c=1"
VALUES = "TOKEN=x curl --noproxy '*' --connect-to a:b -C 5 https://api.example.com/f -o out"
COMMANDS |= {
    "repeated": (REPEATED, "POST", "/f", "e%5B%5D=a&e%5B%5D=b&c=1", []),
    "windows": (WINDOWS, "POST", "/f", '{"n":"50% off"}', [("a", "1"), ("b", "2")]),
    "crlf": (WINDOWS.replace("\n", "\r\n"), "POST", "/f", '{"n":"50% off"}', [("a", "1"), ("b", "2")]),
    "powershell": (POWERSHELL, "PUT", "/f", '{"a":1}', []),
    "coded": (CODED, "POST", "/f", '{"a":"😀 ü ü ü"}', []),
    "dollar": (DOLLAR, "POST", "/f", '{"a":"5 $"}', []),
    "here": (HERE, "POST", "/f", '{"a":1}', []),
    "markup": (MARKUP, "POST", "/f", "<a>1</a>", []),
    "values": (VALUES, "GET", "/f", "", []),
    "redirected": ("curl https://api.example.com/f 2>/dev/null > out.json", "GET", "/f", "", []),
}


@pytest.mark.parametrize("case", COMMANDS.values(), ids=COMMANDS)
def test_a_command_is_the_request_that_it_makes(case: tuple[str, str, str, str, list[tuple[str, str]]]) -> None:
    text, method, path, body, query = case
    found = of(text)
    request = request_of(found)
    assert (request.method, request.path, request.body.decode(), list(request.query)) == (method, path, body, query)
    assert list(found.manifest.base_urls.values()) == ["https://api.example.com"]
    assert found.dialect == "curl"


@pytest.mark.parametrize(
    ("options", "auth"),
    [
        (f"-H 'Authorization: Bearer {SECRET}'", ("bearer", "header", "")),
        (f"-H 'authorization: Basic {SECRET}'", ("basic", "header", "")),
        (f"-H 'Authorization: Token {SECRET}'", ("api_key", "header", "Authorization")),
        (f"-H 'X-Api-Key: {SECRET}'", ("api_key", "header", "X-Api-Key")),
        (f"-H 'X-Odd: {SECRET}'", ("api_key", "header", "X-Odd")),
        (f"-u alice:{SECRET}", ("basic", "header", "")),
        (f"--user=alice:{SECRET}", ("basic", "header", "")),
        (f"-ualice:{SECRET}", ("basic", "header", "")),
        (f"--oauth2-bearer {SECRET}", ("bearer", "header", "")),
        (f"--url-query access_token={SECRET}", ("api_key", "query", "access_token")),
        (f"-G -d api_key={SECRET}", ("api_key", "query", "api_key")),
        (f"-b session={SECRET}", ("none", "header", "")),
        (f"-H 'Cookie: sid={SECRET}'", ("none", "header", "")),
        (f"-x http://u:{SECRET}@proxy.example", ("none", "header", "")),
        (f"""-d '{{"password": "{SECRET}", "n": 1}}'""", ("none", "header", "")),
        (f"-d 'client_secret={SECRET}&n=1'", ("none", "header", "")),
        (f"-F password={SECRET} -F file=@/home/alice/{SECRET[:3]}", ("none", "header", "")),
        (f"-d 'note={SECRET}'", ("none", "header", "")),
    ],
)
def test_secrets_of_a_command_are_asked_for_and_never_kept(options: str, auth: tuple[str, str, str]) -> None:
    text = f"curl {options} https://api.example.com/f"
    found = of(text)
    assert auth_of(found) == [auth]
    assert SECRET not in kept(text).source.decode()
    assert SECRET not in str(found.document) + str(found.findings)


@pytest.mark.parametrize("place", [f"/services/T0/{SECRET}", f"/bot{SECRET}x/send", f"/h/{SECRET}?a=1"])
def test_secrets_in_the_path_are_parameters_without_an_example(place: str) -> None:
    found = of(f"curl https://u:{SECRET}@api.example.com{place}")
    assert SECRET not in str(found.document)
    (action,) = found.manifest.actions.values()
    assert len(action.params_schema["required"]) == 1
    assert "secret" in {one.code for one in found.findings}


@pytest.mark.parametrize(
    "rest", ["| jq .a", "&& curl https://b.example", "\ncurl https://b.example", "--next https://b.example"]
)
def test_what_follows_a_command_is_told_and_left_out(rest: str) -> None:
    found = of(f"curl https://api.example.com/f {rest}")
    assert request_of(found).method == "GET"
    assert [one.code for one in found.findings if one.level == "dropped"] == ["command"]


def test_what_the_reader_puts_in_is_a_parameter() -> None:
    place = "https://$SHOP.example/v1/${a}/$SID.json/{b}/<c-d>/YOUR_NAME/$count"
    found = of(f"curl -G {place} -d q=$Q -d s=IN_WORK -d key=YOUR_API_KEY")
    (action,) = found.manifest.actions.values()
    assert list(found.manifest.base_urls.values()) == ["https://SHOP.example"]
    assert action.params_schema["required"] == ["a", "sid", "b", "c_d", "your_name"]
    request = request_of(found, a="1", sid="2", b="3", c_d="4", q="5")
    assert request.path == "/v1/1/2.json/3/4/YOUR_NAME/$count"
    assert dict(request.query) == {"q": "5", "s": "IN_WORK"}
    assert auth_of(found) == [("api_key", "query", "key")]


def test_files_and_json_in_a_form_stand_in_its_example() -> None:
    form = r"""-F 'a=@C:\x\cat.gif;type=image/gif' -F to=1 -F to=2 -F 'm={"k":1};type=application/json'"""
    found = of(f"curl https://api.example.com/f {form}")
    (action,) = found.manifest.actions.values()
    file = {"filename": "cat.gif", "content_type": "image/gif", "base64": "ZXhhbXBsZQ=="}
    assert action.params_example["body"] == {"a": file, "to": ["1", "2"], "m": {"k": 1}}
    assert b'name="m"\r\nContent-Type: application/json' in request_of(found).body


@pytest.mark.parametrize(
    ("options", "method", "kind"),
    [
        ("--data-binary @a.png -H 'Content-Type: image/png'", "POST", "image/png"),
        ("-T a.bin", "PUT", "application/octet-stream"),
        ("-d @a.json -H 'Content-Type: application/vnd.api+json'", "POST", "application/vnd.api+json"),
        ("-d '{\"a\": 1,}' -H 'Content-Type: application/json'", "POST", "application/json"),
    ],
)
def test_a_body_that_is_not_known_is_a_parameter_and_told(options: str, method: str, kind: str) -> None:
    found = of(f"curl https://api.example.com/f {options}")
    request = request_of(found, body="ZXhhbXBsZQ==")
    assert (request.method, request.headers["content-type"]) == (method, kind)
    assert {one.code for one in found.findings} & {"file", "body"}


def test_the_kinds_of_what_is_sent_and_wanted_are_those_of_the_command() -> None:
    kinds = "-H 'Accept: application/vnd.github+json' -H 'Content-Type: application/vnd.api+json'"
    found = of(f"curl https://api.example.com/f {kinds} -d '{{}}'")
    headers = request_of(found).headers
    assert (headers["accept"], headers["content-type"]) == ("application/vnd.github+json", "application/vnd.api+json")


@pytest.mark.parametrize(
    ("options", "kind"),
    [("--digest -u a:b", "digest"), ("--aws-sigv4 aws:amz:eu-west-1:execute-api -u A:s", "aws_sigv4")],
)
def test_logins_beyond_basic_are_taken_over(options: str, kind: str) -> None:
    found = of(f"curl {options} https://api.example.com/f")
    (scheme,) = found.manifest.auth.values()
    assert scheme.type == kind
    assert (scheme.service, scheme.region) == (("execute-api", "eu-west-1") if kind == "aws_sigv4" else ("", ""))


def test_what_looks_like_an_id_is_a_parameter_with_an_example() -> None:
    found = of("curl https://api.example.com/customers/1042/orders/9f1c2a3b-0000-4000-8000-1234567890ab")
    (action,) = found.manifest.actions.values()
    assert action.params_example["customer_id"] == "1042"
    assert request_of(found, customer_id="7").path == "/customers/7/orders/9f1c2a3b-0000-4000-8000-1234567890ab"


@pytest.mark.parametrize(
    "text", ["curl", "curl -H", "curl 'https://x", "wget https://x.example", "curl -d @-", "curl file:///etc/passwd"]
)
def test_what_is_no_call_is_refused_and_says_why(text: str) -> None:
    with pytest.raises(OpenApiUnreadable):
        of(text, "curl")


PIECES = [
    "-d", "-H", "a: b", "'", '"', "$'", "\\", "-F", "x=@y", "https://x.example", "-G", "--json", "{", "-u",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES)))
def test_no_command_is_a_fault_of_ours(words: list[str]) -> None:
    with suppress(IpaasError):
        of("curl " + " ".join(words), "curl")


COLLECTION: dict[str, Any] = {
    "info": {"name": "Parcel Post", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
    "variable": [{"key": "base", "value": "https://api.example.com/{{version}}"}, {"key": "version", "value": "v2"},
                 {"key": "token", "value": SECRET}],
    "auth": {"type": "bearer", "bearer": [{"key": "token", "value": SECRET}]},
    "item": [
        {"name": "Parcels", "item": [
            {"name": "Send a parcel", "event": [{"listen": "test"}],
             "request": {"method": "POST", "url": {"raw": "{{base}}/parcels?dry=true"},
                         "header": [{"key": "X-Trace", "value": "a"}, {"key": "X-Off", "value": "b", "disabled": True}],
                         "body": {"mode": "raw", "raw": json.dumps({"weight": 3, "password": SECRET}),
                                  "options": {"raw": {"language": "json"}}}},
             "response": [{"code": 201, "body": '{"id": "p-1", "weight": 3}'}]},
            {"name": "Get a parcel", "request": {"method": "GET", "url": {
                "raw": "{{base}}/parcels/:id", "variable": [{"key": "id", "value": "p-1"}]}}},
            {"name": "Upload", "request": {"method": "POST", "url": "{{base}}/labels",
             "auth": {"type": "apikey", "apikey": [{"key": "key", "value": "X-Key"},
                                                   {"key": "value", "value": SECRET}]},
             "body": {"mode": "formdata", "formdata": [{"key": "label", "type": "file", "src": "/home/a"},
                                                       {"key": "copies", "value": "2"}]}}},
        ]},
        {"name": "Form", "request": {"method": "PUT", "url": "{{base}}/form", "auth": {"type": "noauth"},
                                     "body": {"mode": "urlencoded", "urlencoded": [{"key": "a", "value": "1"}]}}},
        {"name": "Elsewhere", "request": {"method": "GET", "url": "{{unknown}}/health"}},
        {"name": "Broken"}, 7,
    ],
}  # fmt: skip


def test_a_collection_keeps_folders_variables_and_answers() -> None:
    found = of(COLLECTION)
    assert found.dialect == "postman"
    assert found.groups == {
        "Parcels": ["send_a_parcel", "get_a_parcel", "upload"],
        "v2": ["form"],
        "health": ["elsewhere"],
    }
    assert list(found.manifest.base_urls.values()) == ["https://api.example.com"]
    assert found.manifest.actions["get_a_parcel"].params_example == {"id": "p-1"}
    assert found.manifest.actions["get_a_parcel"].path == "/v2/parcels/{{ params.id }}"
    assert [one.type for one in found.manifest.auth.values()] == ["bearer", "api_key"]
    operations = found.document["stub"]["operations"]
    assert operations["send_a_parcel"] == {"do": "create", "entity": "parcels", "reply": {"status": 201}}
    assert found.manifest.actions["form"].body_format == "form"
    assert found.manifest.actions["upload"].body_format == "multipart"
    assert {"script", "request", "not_an_object"} <= {one.code for one in found.findings}
    assert SECRET not in str(found.document) + kept(COLLECTION).source.decode()


def har(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"log": {"version": "1.2", "entries": list(entries)}}


def entry(
    method: str, url: str, body: Any = None, answer: Any = None, mime: str = "application/json"
) -> dict[str, Any]:
    sent = {"postData": {"mimeType": "application/json", "text": json.dumps(body)}} if body is not None else {}
    headers = [{"name": "Authorization", "value": f"Bearer {SECRET}"}, {"name": "Cookie", "value": f"sid={SECRET}"},
               {"name": ":authority", "value": "x"}, {"name": "X-Csrf-Token", "value": SECRET}]  # fmt: skip
    content = {"mimeType": mime, "text": json.dumps(answer)}
    return {
        "request": {"method": method, "url": url, "headers": headers, **sent},
        "response": {"status": 200, "content": content},
    }


RECORDING = har(
    entry("GET", "https://api.example.com/parcels?page=1", answer={"parcels": [{"id": 7, "access_token": SECRET}]}),
    entry("GET", "https://api.example.com/parcels/1042", answer={"id": 1042}),
    entry("GET", "https://api.example.com/parcels/1043", answer={"id": 1043}),
    entry("POST", "https://api.example.com/parcels", {"weight": 1, "secret": SECRET}, {"id": 1}),
    entry("GET", "https://www.example.com/logo.png", mime="image/png"),
    {"request": {}},
)


def test_a_recording_has_each_call_once_and_nothing_secret() -> None:
    found = of(RECORDING)
    assert found.dialect == "har"
    assert sorted((one.method, one.path) for one in found.manifest.actions.values()) == [
        ("GET", "/parcels"),
        ("GET", "/parcels/{{ params.parcel_id }}"),
        ("POST", "/parcels"),
    ]
    assert {one.type for way in found.manifest.auth.values() for one in way.parts} == {"bearer", "api_key"}
    assert SECRET not in str(found.document) + kept(RECORDING).source.decode()
    assert {"cookie", "not_a_call", "request"} <= {one.code for one in found.findings}
    with pytest.raises(OpenApiUnreadable):
        of(har(entry("GET", "https://www.example.com/", mime="text/html")))


SDL = '''
"""All."""
type Query {
  "One order."
  order(id: ID!): Order
  orders(first: Int = 10, state: State, where: Where): [Order!]!
  old: String @deprecated(reason: "use order")
}
type Mutation { createOrder(input: NewOrder!): CreateOrderPayload! }
type Subscription { changed: Order }
enum State { OPEN DONE }
input Where { not: Where, state: [State!] }
input NewOrder { lines: [Line!]!, note: String }
input Line { sku: ID!, count: Int! }
type Order { id: ID!, total: Float, state: State, customer: Customer, lines(first: Int!): [String] }
type Customer { id: ID!, name: String, orders: [Order!] }
type CreateOrderPayload { order: Order }
'''


def test_a_graphql_schema_has_an_action_for_each_query_and_mutation() -> None:
    found = of(SDL)
    assert (found.dialect, kept(SDL).kind) == ("graphql", "graphql")
    assert found.groups == {"Queries": ["order", "orders", "old"], "Mutations": ["create_order"]}
    action = Connector(found.manifest).actions["create_order"]
    params = {"input": {"lines": [{"sku": "A", "count": 2}]}}
    sent = jsonio.loads(action.build(action.checked_params(params), {}, None).body)
    assert sent == {
        "query": "mutation createOrder($input: NewOrder!) { createOrder(input: $input) "
        "{ order { id total state customer { id name } } } }",
        "variables": params,
    }
    assert (action.spec.effect, found.manifest.actions["order"].effect) == ("unkeyed", "safe")
    with pytest.raises(IpaasError):
        action.checked_params({"input": {"lines": [{"sku": "A", "count": "two"}]}})
    orders = Connector(found.manifest).actions["orders"]
    asked = jsonio.loads(orders.build(orders.checked_params({"where": {"not": {"state": ["OPEN"]}}}), {}, None).body)
    assert asked["variables"] == {"where": {"not": {"state": ["OPEN"]}}}
    assert "subscription" in {one.code for one in found.findings}


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([{"message": "No.", "extensions": {"code": "UNAUTHENTICATED"}}], "auth"),
        ([{"message": "Slow down.", "extensions": {"code": "THROTTLED"}}], "throttled"),
        ([{"message": "Odd.", "extensions": {"code": "ODD"}}], "business_rejection"),
        ([{"message": "Plain."}], "business_rejection"),
        ([], ""),
        (None, ""),
    ],
)
def test_errors_in_a_good_answer_are_errors(errors: Any, kind: str) -> None:
    action = Connector(of(SDL).manifest).actions["order"]
    request = action.build(action.checked_params({"id": "1"}), {}, None)
    body = {"data": {"order": {"id": "1"}}, **({"errors": errors} if errors is not None else {})}
    answer = HttpAnswer(200, {"content-type": "application/json"}, jsonio.dumps(body))
    if not kind:
        assert action.read(request, answer).data == {"id": "1"}
        return
    with pytest.raises(ActionError) as caught:
        action.read(request, answer)
    assert caught.value.error_class == kind
    assert errors[0]["message"] in caught.value.message


def test_introspection_is_the_same_schema() -> None:
    import graphql

    answer = {"data": graphql.introspection_from_schema(graphql.build_schema(SDL))}
    data = jsonio.dumps(answer)
    assert kept(answer).kind == "graphql"
    found = import_openapi(data, slug="shop", source_url="https://shop.example/api/graphql")
    assert found.manifest.base_urls == {"production": "https://shop.example"}
    assert found.manifest.actions["order"].path == "/api/graphql"
    assert found.manifest.actions["order"].body == of(SDL).manifest.actions["order"].body


@pytest.mark.parametrize(
    "text",
    ["type Query {", "type Query { a: Missing }", "type Query", '{"__schema": 1}', '{"data": {"__schema": {}}}',
     "type Query { a" + "(x: [" * 300 + "Int" + "]" * 300 + "): Int }", '{"__schema": {"types": null}}'],
)  # fmt: skip
def test_schemas_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(OpenApiUnreadable):
        of(text, "graphql")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("openapi: 3.0.0", "openapi"),
        ('{"swagger": "2.0"}', "openapi"),
        ("curl x.example", "curl"),
        ("\ufeff{}", "openapi"),
    ],
)
def test_notations_are_recognised(text: str, kind: str) -> None:
    assert kept(text).kind == kind
