"""The pages of the glossary and of conventions: what is found, what is shown beside a draft."""

from typing import Any

from ipaas.accounts.models import Workspace
from ipaas.core.actor import SYSTEM
from ipaas.governance.services import apply_document
from tests.factories.flow_documents import convention, schema, term
from tests.integration.web.conftest import Browsers


def apply(workspace: Workspace, content: dict[str, Any]) -> None:
    apply_document(actor=SYSTEM, workspace=workspace, content=content)


def test_the_list_is_searched_by_synonym_letter_and_domain(as_role: Browsers, workspace: Workspace) -> None:
    apply(workspace, term())
    apply(workspace, term(slug="sku", title="SKU", synonyms=[], avoid=[], domain="sales"))
    place, builder = f"/w/{workspace.slug}/terms/", as_role("builder")
    for query, shown in (("?q=bestell", "order-number"), ("?letter=s", "sku"), ("?domain=sales", "sku")):
        page = builder.get(place + query).content.decode()
        others = {"order-number", "sku"} - {shown}
        assert f"/terms/{shown}/" in page
        assert not any(f"/terms/{one}/" in page for one in others)


def test_a_term_and_a_schema_link_to_each_other(as_role: Browsers, workspace: Workspace) -> None:
    apply(workspace, term())
    apply(workspace, schema(schema={"type": "object", "properties": {"orderId": {"type": "string"}}}))
    builder = as_role("builder")
    shown = builder.get(f"/w/{workspace.slug}/terms/order-number/").content.decode()
    assert f"/w/{workspace.slug}/schemas/order/" in shown
    assert "<code>orderId</code>" in shown
    assert (
        f"/w/{workspace.slug}/terms/order-number/"
        in builder.get(f"/w/{workspace.slug}/schemas/order/").content.decode()
    )


def test_rules_are_shown_with_their_reason_and_how_many_drafts_break_them(
    as_role: Browsers, workspace: Workspace
) -> None:
    apply(workspace, convention())
    apply(workspace, schema(schema={"type": "object", "properties": {"orderId": {"type": "string"}}}))
    builder = as_role("builder")
    listed = builder.get(f"/w/{workspace.slug}/conventions/").content.decode()
    assert "one way to write names" in listed
    assert "1 of 1" in listed
    text = builder.get(f"/w/{workspace.slug}/schemas/order/text/").content.decode()
    checked = builder.post(f"/w/{workspace.slug}/schemas/-check/", {"document": text}).content.decode()
    assert "write order_id (one way to write names)" in checked
