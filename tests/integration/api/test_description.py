"""The description of the API: valid, whole, with examples that are what they say, published as it is."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from openapi_spec_validator import validate

from ipaas.web.api import urls
from ipaas.web.api.examples import FORMATS
from ipaas.web.api.openapi import TAGS, description, operations, routes
from ipaas.web.api.reference import pages

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(description()))
ALL = list(operations(DOCUMENT))
OF_FILES = {"audit_export", "audit_checkpoints", "audit_job_file", "run_export"}


def ids(found: Any) -> list[str]:
    return [one["operationId"] for one in found]


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_it_is_served_to_anybody(client: Client) -> None:
    answer = client.get("/api/v1/schema")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(answer.content) == DOCUMENT


@pytest.mark.parametrize("name", ["openapi.json", "api.md"])
def test_the_published_reference_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == pages()[name], "run: python3 manage.py docs"


def test_it_has_every_route_and_verb() -> None:
    described = {(method, path) for path, method, _ in ALL}
    routed = {
        (method, "/api/v1/" + re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", str(entry.pattern)))
        for entry in urls.urlpatterns
        for method in getattr(entry.callback, "actions", None) or {}
        if method != "head"
    }
    assert described == routed
    assert {path for path, *_ in ALL} <= set(routes())


def test_every_operation_has_an_id_of_its_own_and_a_text_of_its_own() -> None:
    names = ids(one for *_, one in ALL)
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
    assert ids(one for *_, one in ALL if not one.get("summary") or len(one["summary"]) > 120) == []
    assert (
        ids(one for *_, one in ALL if "``" in one["description"] or "required_permissions" in one["description"]) == []
    )


def test_every_operation_belongs_to_a_group_that_is_explained() -> None:
    assert ids(one for *_, one in ALL if len(one["tags"]) != 1 or one["tags"][0] not in TAGS) == []
    assert set(TAGS) == {one["tags"][0] for *_, one in ALL}


def test_every_operation_says_who_may() -> None:
    assert ids(one for *_, one in ALL if "Permission: " not in one["description"]) == ["me"]
    assert ids(one for *_, one in ALL if one["security"] != [{"apiKey": []}, {"session": []}]) == []


def test_every_parameter_is_described() -> None:
    told = [(one["operationId"], each) for *_, one in ALL for each in one["parameters"]]
    assert [(name, each["name"]) for name, each in told if not each.get("description")] == []


def test_what_holds_for_all_is_said_of_all() -> None:
    def takes(one: dict[str, Any], name: str) -> bool:
        return name in {each["name"] for each in one["parameters"]}

    assert ids(one for _, method, one in ALL if takes(one, "Idempotency-Key") != (method == "post")) == []
    assert set(ids(one for _, method, one in ALL if method == "get" and not takes(one, "fields"))) == OF_FILES
    for *_, one in ALL:
        assert {"401", "422", "429", "500"} <= set(one["responses"]), one["operationId"]
        for status, answer in one["responses"].items():
            assert "$ref" in answer or {"X-Request-ID", "RateLimit", "RateLimit-Policy"} <= set(answer["headers"]), (
                status
            )


def test_every_list_is_paged_by_a_cursor() -> None:
    for *_, one in ALL:
        content = one["responses"].get("200", {}).get("content", {}).get("application/json")
        members = resolved(content["schema"]).get("properties", {}) if content else {}
        listed = "items" in members
        names = {each["name"] for each in one["parameters"]}
        assert listed == ({"limit", "cursor"} <= names) == ("next_cursor" in members), one["operationId"]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_every_request_and_answer_has_an_example_that_its_schema_takes() -> None:
    wrong = []
    for *_, one in ALL:
        bodies = {"request": one.get("requestBody", {}), **one["responses"]}
        for place, body in bodies.items():
            for kind, media in body.get("content", {}).items():
                assert media["example"] not in (None, {}), one["operationId"]
                if "json" in kind and media["schema"].get("format") not in FORMATS:
                    wrong += [(one["operationId"], place, error) for error in errors_of(media)]
    assert wrong == []


def errors_of(media: dict[str, Any]) -> list[str]:
    schema = {**media["schema"], "components": DOCUMENT["components"]}
    rules = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return [error.message for error in rules.iter_errors(media["example"])]


def test_every_kind_of_error_has_an_example_that_the_errors_page_explains() -> None:
    errors = (REFERENCE / "errors.md").read_text()
    for answer in DOCUMENT["components"]["responses"].values():
        media = answer["content"]["application/problem+json"]
        assert errors_of(media) == []
        assert f'<a id="{media["example"]["code"]}"></a>' in errors
