"""Lookups and functions in mappings that run: pinned when published, rows as CSV, circles refused, pages."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ipaas.accounts.models import Workspace
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import Conflict, InvalidInput, PermissionDenied
from ipaas.governance.ending import retire_version
from ipaas.governance.services import apply_document, archive_document
from ipaas.mapping.models import Lookup, MappingVersion
from ipaas.mapping.queries import mapping_for
from ipaas.mapping.services import import_rows
from tests.factories.flow_documents import function, lookup, mapping
from tests.factories.people import make_member

pytestmark = pytest.mark.django_db
ROWS = "code,name,rate\nDE,Germany,0.21\n"
PRICED = mapping(
    fields={"gross": "gross(source.net, lookup('rates', source.country).rate)"},
    lookups={"rates": "vat-rates"},
    functions={"gross": "gross"},
    tests=[{"name": "Germany", "input": {"net": 100, "country": "DE"}, "expect": {"gross": 119}}],
)
ORDER = {"net": 100, "country": "DE"}


def published(workspace: Workspace, **content: Any) -> Any:
    return apply_document(actor=SYSTEM, workspace=workspace, content=content).version


@pytest.fixture
def priced(workspace: Workspace) -> MappingVersion:
    published(workspace, **lookup())
    published(workspace, **function())
    version: MappingVersion = published(workspace, **PRICED)
    return version


def test_a_mapping_keeps_the_rows_it_was_published_with(workspace: Workspace, priced: MappingVersion) -> None:
    assert priced.content["lookups"] == {"rates": "vat-rates@1"}
    assert priced.content["functions"] == {"gross": "gross@1"}
    assert "tests" not in priced.content
    held = Lookup.objects.get(slug="vat-rates")
    saved, findings = import_rows(actor=SYSTEM, lookup=held, csv="\ufeff" + ROWS.replace("\n", "\r\n"))
    assert (saved.draft["csv"], findings) == (ROWS, [])
    published(workspace, **saved.draft)
    assert mapping_for(priced.id).apply(ORDER) == {"gross": 119}
    anew = published(workspace, **{**PRICED, "tests": []})
    assert (anew.number, anew.content["lookups"]) == (2, {"rates": "vat-rates@2"})
    assert mapping_for(anew.id).apply(ORDER) == {"gross": 121}
    assert published(workspace, **{**PRICED, "tests": []}).number == 2
    with pytest.raises(Conflict, match="mapping order-row"):
        retire_version(version=held.versions.get(number=2), actor=SYSTEM, reason="wrong")
    retired = retire_version(version=held.versions.get(number=1), actor=SYSTEM, reason="old")
    assert retired.state == "retired"
    with pytest.raises(Conflict, match="mapping order-row"):
        archive_document(document=held, actor=SYSTEM, reason="old")


def test_functions_that_would_go_in_a_circle_are_not_published(workspace: Workspace) -> None:
    published(workspace, **function(slug="inner"))
    published(workspace, **function(slug="outer", expr="inner(net, rate)", functions={"inner": "inner"}))
    with pytest.raises(InvalidInput) as caught:
        published(workspace, **function(slug="inner", expr="outer(net, rate)", functions={"outer": "outer"}))
    assert "inner → outer → inner" in str(caught.value.errors)


def test_what_is_not_there_is_a_finding(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput) as caught:
        published(workspace, **PRICED)
    assert {"/lookups/rates", "/functions/gross"} <= {one["path"] for one in caught.value.errors}


def test_rows_go_in_and_out_by_the_page(workspace: Workspace, priced: MappingVersion) -> None:
    client = Client()
    client.force_login(make_member(workspace, "b@acme.example", "builder").user)
    place = f"/w/{workspace.slug}/lookups/vat-rates/"
    page = client.get(place, {"q": "austria"})
    assert b"Austria" in page.content
    assert b"Germany" not in page.content
    assert client.get(f"{place}rows/").content.decode() == lookup()["csv"]
    file = SimpleUploadedFile("rates.csv", ROWS.encode(), content_type="text/csv")
    assert client.post(f"{place}import/", {"file": file}).status_code == 302
    assert Lookup.objects.get(slug="vat-rates").draft["csv"] == ROWS
    bad = SimpleUploadedFile("rates.csv", b"\xff\xfe\x00", content_type="text/csv")
    assert b"not UTF-8" in client.post(f"{place}import/", {"file": bad}, follow=True).content
    assert client.get(f"/w/{workspace.slug}/functions/gross/").status_code == 200
    assert client.get(f"/w/{workspace.slug}/functions/-new/").status_code == 200
    assert client.get(f"{place}edit/").status_code == 200


def test_who_may_not_edit_imports_nothing(workspace: Workspace, priced: MappingVersion) -> None:
    auditor = make_member(workspace, "a@acme.example", "auditor")
    client = Client()
    client.force_login(auditor.user)
    assert client.post(f"/w/{workspace.slug}/lookups/vat-rates/import/", {}).status_code == 403
    from ipaas.accounts.actors import actor_for

    with pytest.raises(PermissionDenied):
        import_rows(actor=actor_for(auditor.user, workspace), lookup=Lookup.objects.get(), csv=ROWS)
