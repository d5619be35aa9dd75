"""The live preview of mappings and the values that schemas are tried on."""

import html
import json
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.core import yamlio
from ipaas.core.actor import SYSTEM
from ipaas.governance.services import apply_document
from tests.factories.flow_documents import lookup
from tests.integration.web.conftest import Browsers
from tests.integration.web.documents import BAD_TEXTS, EXAMPLE, published, yaml_of

HTMX = {"HX-Request": "true"}


@pytest.fixture
def builder(as_role: Browsers, environment: Environment) -> Client:
    return as_role("builder")


def check(browser: Client, place: str, sample: str, **changes: Any) -> Any:
    """What the editor shows of a document and a sample; a revision that does not exist keeps it from being saved."""
    given = {"document": yaml_of(place, **changes), "sample": sample, "revision": "7"}
    answer = browser.post(f"/w/acme/{place}/-new/", given)
    assert answer.status_code == 409
    return answer.context


def test_the_fragment_beside_the_editor_holds_the_preview(builder: Client) -> None:
    given = {"document": yaml_of("mappings"), "sample": '{"id": "SO-77"}'}
    answer = builder.post("/w/acme/mappings/-check/", given, headers=HTMX)
    text = answer.content.decode()

    assert answer.status_code == 200
    assert text.startswith('<div class="stack" id="document-checks"')
    assert "SO-77" in text


def test_a_field_that_fails_says_why_and_the_others_are_made(builder: Client) -> None:
    fields = {
        "id": "source.id",
        "phone": "source.customer.phone",
        "note": {"expr": "source.note", "default": "none"},
        "lines": {"each": "source.lines", "as": "line", "fields": {"sku": "line.sku"}},
    }
    sample = json.dumps({"id": "SO-1", "lines": [{"sku": "A"}]})
    found = check(builder, "mappings", sample, fields=fields)["preview"]

    assert found.target == {"id": "SO-1", "note": "none", "lines": [{"sku": "A"}]}
    assert [row.target for row in found.rows if row.error] == ["phone"]
    assert "source.customer (missing)" in next(row.error for row in found.rows if row.error)


def test_a_sample_is_read_and_an_output_shown_in_the_formats_of_the_document(builder: Client) -> None:
    formats = {"input": {"format": "csv", "records": True}, "output": {"format": "xml", "root": "o"}}
    fields = {"id": "source.id", "n": "number(source.n)"}
    found = check(builder, "mappings", "id,n\na,7\n", fields=fields, **formats)["preview"]
    assert (found.target, "<row><id>a</id><n>7</n></row>" in found.output) == ({"id": "a", "n": 7}, True)
    found = check(builder, "mappings", "id,n\na,7,9\n", fields=fields, **formats)["preview"]
    assert "line 2 has 3 cells" in str(found.findings[0].message)
    assert check(builder, "mappings", "", fields=fields, **formats)["preview"].findings == []
    wrong = check(builder, "mappings", "id,n\na,7\n", fields=fields, input={"format": "csv", "record": True})
    assert [one.path for one in wrong["findings"]] == ["/input/record"]


def test_numbers_of_a_sample_stay_exact(builder: Client) -> None:
    found = check(builder, "mappings", '{"id": 0.1}', fields={"sum": "source.id + 0.2"})["preview"]

    assert str(found.target["sum"]) == "0.3"


def test_a_sample_and_a_target_that_break_their_schemas_are_told(builder: Client, workspace: Workspace) -> None:
    published(workspace, "schemas")
    found = check(
        builder, "mappings", '{"id": 7}', source_schema="order@1", target_schema="order", fields={"id": "source.id"}
    )["preview"]

    assert [one.message.split(":")[0] for one in found.findings] == [
        "The sample breaks order@1",
        "The target breaks order@1",
    ]


def test_the_first_sample_is_an_example_of_the_source(builder: Client, workspace: Workspace) -> None:
    published(workspace, "schemas")
    published(workspace, "mappings", source_schema="order@1")
    page = builder.get("/w/acme/mappings/order-row/edit/")

    assert json.loads(page.context["sample"]) == EXAMPLE
    assert page.context["preview"].target == {"id": "SO-1"}


def test_a_mapping_of_a_flow_reads_the_names_of_the_sample(builder: Client) -> None:
    sample = json.dumps({"trigger": {"body": {"id": "SO-9"}}})
    found = check(builder, "mappings", sample, scope="flow", fields={"id": "trigger.body.id"})["preview"]

    assert found.target == {"id": "SO-9"}


def test_variables_are_only_for_those_who_may_see_them(
    as_role: Browsers, environment: Environment, workspace: Workspace
) -> None:
    Environment.objects.filter(id=environment.id).update(variables={"shop": "north"})
    fields = {"shop": "vars.shop"}

    assert check(as_role("admin"), "mappings", "{}", fields=fields)["preview"].target == {"shop": "north"}
    assert check(as_role("builder"), "mappings", "{}", fields=fields)["preview"].target == {}


@pytest.mark.parametrize("place", ["mappings", "schemas"])
def test_a_bad_sample_is_told_with_its_line(builder: Client, place: str) -> None:
    for sample in ("{", '{\n "a": 1,\n "a": 2}', "[" * 900, "\x00", '"\\ud800"', "7" * 200_000):
        context = check(builder, place, sample)
        findings = context["preview"].findings if place == "mappings" else context["tried"]
        assert [one.severity for one in findings] == ["error"], sample[:10]
    context = check(builder, place, '{\n "a": }')
    findings = context["preview"].findings if place == "mappings" else context["tried"]
    assert findings[0].line == 2


def test_a_document_with_faults_has_no_preview(builder: Client) -> None:
    for text in BAD_TEXTS.values():
        answer = builder.post("/w/acme/mappings/-new/", {"document": text, "sample": "{}", "revision": "7"})
        assert answer.context["preview"] is None


def test_a_preview_never_takes_long(builder: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipaas.web.pages.mapping_preview.WITHIN_S", 0.0)
    fields = {"all": {"each": "range(20000)", "item": "item * 2"}, "id": "source.id"}
    found = check(builder, "mappings", json.dumps({"id": 1}), fields=fields)["preview"]

    assert ["too many steps" in row.error for row in found.rows] == [True, False]
    assert found.target == {"id": 1}


def test_a_mapping_by_one_program_has_a_preview_and_its_pages(builder: Client, workspace: Workspace) -> None:
    for program in ({"jsonata": "{'a': source.id}"}, {"template": "No. {{ source.id }}"}):
        given = {"kind": "mapping", "slug": "whole", "title": "Whole", **program}
        apply_document(actor=SYSTEM, workspace=workspace, content=given)
        sent = {"document": yamlio.dump(given), "sample": '{"id": 7}'}
        answer = builder.post("/w/acme/mappings/-check/", sent, headers=HTMX)
        assert (answer.status_code, "all made" in answer.content.decode()) == (200, True)
        assert builder.get("/w/acme/mappings/whole/edit/").status_code == 200
        assert next(iter(program.values())) in html.unescape(builder.get("/w/acme/mappings/whole/").content.decode())


def test_a_preview_reads_lookups_and_says_which_there_is_not(builder: Client, workspace: Workspace) -> None:
    apply_document(actor=SYSTEM, workspace=workspace, content=lookup())
    fields, sample = {"rate": "lookup('vat', source.land).rate"}, '{"land": "DE"}'
    found = check(builder, "mappings", sample, fields=fields, lookups={"vat": "vat-rates"})["preview"]
    assert (found.failed, str(found.target["rate"])) == (0, "0.19")
    found = check(builder, "mappings", sample, fields=fields, lookups={"vat": "nowhere"})["preview"]
    assert [one.severity for one in found.findings] == ["error"]


def test_a_value_is_tried_on_a_schema(builder: Client) -> None:
    assert check(builder, "schemas", json.dumps(EXAMPLE))["tried"] == []
    assert [one.path for one in check(builder, "schemas", '{"id": 7}')["tried"]] == ["/id"]


def test_a_schema_shows_its_sensitive_places(builder: Client, workspace: Workspace) -> None:
    published(workspace, "schemas")

    assert builder.get("/w/acme/schemas/order/").context["sensitive"] == [("email", "personal")]


def test_a_mapping_shows_every_field_and_who_uses_it(builder: Client, workspace: Workspace) -> None:
    published(workspace, "mappings", fields={"a": {"b": "source.b"}, "c": {"value": 7}})
    published(workspace, "flows", steps=[{"id": "shape", "map": {"mapping": "order-row"}}])
    page = builder.get("/w/acme/mappings/order-row/")

    assert [(row.target, row.expression) for row in page.context["fields"]] == [("a.b", "source.b"), ("c", "7")]
    assert [str(use) for use in page.context["used_by"]] == ["Orders (Flow, draft)"]
    assert "Nothing is published yet" not in page.content.decode()
