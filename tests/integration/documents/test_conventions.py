"""Conventions: what each rule finds and proposes, and what an error keeps from being published."""

from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.core.actor import SYSTEM
from ipaas.core.document_types import document_type
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import in_words
from ipaas.flows.examples import GLOSSARY_DOCUMENTS, ORDER_DOCUMENTS, example_text
from ipaas.governance import services
from ipaas.governance.conventions import breaches, conventions_of, standings
from tests.factories.flow_documents import contract, convention, flow, function, lookup, mapping, schema, term


def apply(workspace: Workspace, content: dict[str, Any]) -> Any:
    return services.apply_document(actor=SYSTEM, workspace=workspace, content=content)


def fields(**nodes: Any) -> dict[str, Any]:
    return schema(schema={"type": "object", "properties": nodes})


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
MONEY = {"money": {"words": ["amount", "price"], "form": "minor", "currency": True}}
CASES: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    (
        {"fields": {"case": "snake"}},
        fields(order_id=TEXT, orderDate=TEXT, id=TEXT),
        [("/schema/properties/orderDate", "write order_date")],
    ),
    (
        {"fields": {"case": "camel"}},
        mapping(fields={"order_id": "source.a", "lines": {"each": "source.l", "fields": {"line_no": "item.n"}}}),
        [("/fields/order_id", "write orderId"), ("/fields/lines/fields/line_no", "write lineNo")],
    ),
    (
        {"fields": {"abbreviations": {"qty": "quantity"}}},
        fields(lineQty=TEXT, equality=TEXT),
        [("/schema/properties/lineQty", "write lineQuantity")],
    ),
    (
        {"fields": {"forbidden": ["data"]}},
        fields(order_data=TEXT, metadata=TEXT),
        [("/schema/properties/order_data", "contains the word 'data'")],
    ),
    ({"fields": {"pattern": "[a-z]{3,}"}}, fields(ab=TEXT, abc=TEXT), [("/schema/properties/ab", "does not match")]),
    (
        {"fields": {"case": "pascal"}},
        function(parameters=[{"name": "net_price", "kind": "number"}]),
        [("/parameters/0/name", "write NetPrice")],
    ),
    ({"fields": {"case": "snake"}}, fields(**{"@type": TEXT, "$id": TEXT}), []),
    (
        {"slugs": {"forbidden": ["test"]}},
        flow(slug="orders-test"),
        [("/slug", "'orders-test' contains the word 'test'")],
    ),
    ({"slugs": {"abbreviations": {"ord": "order"}}}, contract(slug="ord-in"), [("/slug", "write order-in")]),
    (
        {"dates": {"words": ["date", "at"]}},
        fields(created_at=TEXT, birthDate=TEXT, sent_at={"type": "string", "format": "date-time"}, format=TEXT),
        [
            ("/schema/properties/created_at", "write type: string, format: date-time"),
            ("/schema/properties/birthDate", "format: date ("),
        ],
    ),
    (MONEY, fields(price=NUMBER, currency=TEXT), [("/schema/properties/price", "write type: integer")]),
    (
        MONEY,
        fields(total_amount={"type": "integer"}),
        [("/schema/properties/total_amount", "no currency stands beside")],
    ),
    ({"required": ["owner", "description"]}, mapping(description="x"), [("", "the key owner is missing")]),
    (
        {"sensitive": {"words": ["email", "birth date"], "class": "personal"}},
        fields(contact_email=TEXT, birthDate=TEXT, api_key=TEXT, email={"type": "string", "x-sensitive": "personal"}),
        [
            ("/schema/properties/contact_email", "write x-sensitive: personal"),
            ("/schema/properties/birthDate", "personal"),
            ("/schema/properties/api_key", "x-sensitive: secret"),
        ],
    ),
    (
        {"glossary": True},
        fields(orderKey=TEXT, order_number=TEXT),
        [("/schema/properties/orderKey", "write orderNumber")],
    ),
]


@pytest.mark.parametrize(("rule", "content", "expected"), CASES)
def test_what_a_rule_finds(
    workspace: Workspace, rule: dict[str, Any], content: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    apply(workspace, term())
    found = breaches(convention(rule=rule), content, workspace.id)
    assert [one.path for one in found] == [path for path, _ in expected]
    for one, (_, words) in zip(found, expected, strict=True):
        assert words in in_words(one.message)
        assert "(one way to write names)" in in_words(one.message)
        assert (one.code, one.severity) == ("convention.field-names", "warning")


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"rule": {"fields": {"pattern": "("}}}, ["convention.pattern"]),
        ({"rule": {"fields": {"case": "snake"}, "glossary": True}}, ["document.maxProperties"]),
        ({"kinds": ["term"]}, ["document.enum"]),
        ({"reason": ""}, ["document.minLength"]),
    ],
)
def test_findings(workspace: Workspace, changes: dict[str, Any], codes: list[str]) -> None:
    assert [one.code for one in document_type("convention").validate(convention(**changes), workspace.id)] == codes


def test_a_warning_is_told_and_an_error_keeps_from_being_published(workspace: Workspace) -> None:
    apply(workspace, convention())
    bad = fields(orderId=TEXT)
    assert [one.code for one in apply(workspace, bad).findings] == ["convention.field-names"]
    apply(workspace, convention(severity="error"))
    with pytest.raises(InvalidInput) as refused:
        apply(workspace, {**bad, "title": "Other"})
    assert [one["code"] for one in refused.value.errors] == ["convention.field-names"]
    assert services.check_document(actor=SYSTEM, workspace=workspace, content=bad)[0].severity == "error"
    drafted = services.apply_document(
        actor=SYSTEM, workspace=workspace, content={**bad, "title": "Third"}, publish_it=False
    )
    assert drafted.version is None


def test_kinds_and_domains_say_what_a_convention_is_about(workspace: Workspace, other_workspace: Workspace) -> None:
    apply(workspace, convention(kinds=["mapping"], domains=["sales"]))
    check = services.check_document
    for content, count in (
        (mapping(domain="sales", fields={"orderId": "source.a"}), 1),
        (mapping(domain="stock", fields={"orderId": "source.a"}), 0),
        (fields(orderId=TEXT), 0),
    ):
        found = check(actor=SYSTEM, workspace=workspace, content=content)
        assert [one.code for one in found].count("convention.field-names") == count
    foreign = check(actor=SYSTEM, workspace=other_workspace, content=mapping(fields={"orderId": "source.a"}))
    assert foreign == []


def test_the_starter_set_is_whole_and_only_warns(workspace: Workspace) -> None:
    for name in (*GLOSSARY_DOCUMENTS, *ORDER_DOCUMENTS):
        applied = services.apply_document(actor=SYSTEM, workspace=workspace, text=example_text(name))
        assert applied.version is not None, name
        assert {one.severity for one in applied.findings} <= {"warning"}
    assert len(conventions_of(workspace.id)) == 7


def test_how_many_drafts_break_each(workspace: Workspace, django_assert_max_num_queries: Any) -> None:
    apply(workspace, convention())
    for number in range(4):
        apply(workspace, fields(orderId=TEXT) | {"slug": f"order-{number}"})
    apply(workspace, lookup())
    with django_assert_max_num_queries(9):
        found = standings(SYSTEM, workspace.id, conventions_of(workspace.id))["field-names"]
    assert (found.checked, [one[1:] for one in found.broken]) == (5, [(f"order-{n}", "Order", 1) for n in range(4)])


def test_three_hundred_fields_cost_one_query(workspace: Workspace, django_assert_num_queries: Any) -> None:
    apply(workspace, convention())
    content = fields(**{f"fieldNumber{number}": TEXT for number in range(300)})
    with django_assert_num_queries(1):
        found = document_type("schema").findings(content, workspace.id)
    assert len(found) == 50
