"""What only the pages of schemas show: compatibility, a steward's decision, a schema from samples."""

import json
from html import unescape

import pytest
from django.test import Client

from ipaas.accounts.models import Workspace
from ipaas.contracts.models import Schema
from ipaas.core.actor import SYSTEM
from ipaas.governance.services import apply_document
from tests.integration.web.conftest import Browsers

HERE = "/w/acme/schemas/"
ONE = {"type": "object", "properties": {"id": {"type": "string"}}}


def content(schema: object, **more: object) -> dict[str, object]:
    return {"kind": "schema", "slug": "parcel", "title": "Parcel", "schema": schema, **more}


@pytest.fixture
def broken_draft(workspace: Workspace) -> None:
    apply_document(actor=SYSTEM, workspace=workspace, content=content(ONE))
    draft = content({**ONE, "required": ["id"]})
    apply_document(actor=SYSTEM, workspace=workspace, content=draft, publish_it=False)


def shown(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_the_page_says_what_a_draft_breaks_and_a_steward_decides(as_role: Browsers, broken_draft: None) -> None:
    builder, steward = as_role("builder"), as_role("steward")
    text = shown(builder, f"{HERE}parcel/")
    assert "Not compatible" in text
    assert "the new version requires “id”, data of the old version may come without it" in text
    assert "Leave it optional" in text
    assert "accept-break" not in text
    assert builder.post(f"{HERE}parcel/accept-break/", {"reason": "x"}).status_code == 403
    assert "accept-break" in shown(steward, f"{HERE}parcel/")
    steward.post(f"{HERE}parcel/accept-break/", {"reason": ""})
    assert Schema.objects.get().accepted_break is None
    steward.post(f"{HERE}parcel/accept-break/", {"reason": "all readers know"}, follow=True)
    assert "decided to publish it: all readers know" in shown(builder, f"{HERE}parcel/")
    builder.post(f"{HERE}parcel/publish/", {"revision": "2", "note": "id is there now"})
    assert Schema.objects.get().latest_version == 2
    assert "What this version changes for others" in shown(builder, f"{HERE}parcel/")


def test_the_editor_gives_the_verdict_as_one_types(as_role: Browsers, broken_draft: None) -> None:
    typed = json.dumps(content({"type": "object", "properties": {"id": {"type": "integer"}}}))
    answer = as_role("builder").post(f"{HERE}-check/", {"document": typed}, headers={"HX-Request": "true"})
    assert "the new version does not accept texts here, the old version does" in unescape(answer.content.decode())


def test_a_schema_from_samples_goes_to_the_editor_with_what_was_confirmed(
    as_role: Browsers, workspace: Workspace
) -> None:
    browser = as_role("builder")
    assert "From samples" in shown(browser, HERE)
    assert browser.get(f"{HERE}-infer/").status_code == 200
    wrong = browser.post(f"{HERE}-infer/", {"samples": "{"})
    assert wrong.status_code == 422
    lines = '{"mail": "a@shop.example", "lastName": "Meier"}\n{"mail": "b@shop.example", "lastName": "Kahn"}'
    found = unescape(browser.post(f"{HERE}-infer/", {"samples": lines, "slug": "person"}).content.decode())
    assert "personal: every value is an address of mail" in found
    assert 'value="/properties/lastName"' in found
    used = {"samples": lines, "slug": "person", "use": "yes", "confirmed": "/properties/mail"}
    text = unescape(browser.post(f"{HERE}-infer/", used).content.decode())
    assert "slug: person" in text
    assert text.count("x-sensitive: personal") == 1
    assert not Schema.objects.exists()
    assert as_role("auditor").get(f"{HERE}-infer/").status_code == 403


def test_a_page_leads_to_what_a_schema_refers_to_and_back(as_role: Browsers, workspace: Workspace) -> None:
    classified = {"properties": {"zip": {"type": "string", "x-sensitive": "personal"}}}
    address = {"kind": "schema", "slug": "address", "title": "Address", "schema": classified}
    apply_document(actor=SYSTEM, workspace=workspace, content=address)
    referring = content({"type": "object", "properties": {"to": {"$ref": "address"}}})
    apply_document(actor=SYSTEM, workspace=workspace, content=referring)
    builder = as_role("builder")
    assert f'href="{HERE}address/"' in shown(builder, f"{HERE}parcel/")
    assert "<code>to.zip</code>" in shown(builder, f"{HERE}parcel/")
    assert f'href="{HERE}parcel/">Parcel</a>' in shown(builder, f"{HERE}address/")
    steward = as_role("steward")
    answer = steward.post(f"{HERE}address/archive/", {"reason": "old"}, follow=True)
    assert "address is referred to by parcel@1" in unescape(answer.content.decode())
    typed = {"document": json.dumps(referring), "sample": '{"to": {"zip": 5}}'}
    checked = builder.post(f"{HERE}-check/", typed, headers={"HX-Request": "true"})
    assert "/to/zip" in checked.content.decode()
