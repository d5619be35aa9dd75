"""Pages of the catalog: who may, what is looked at and kept, what is handed in that is no description."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.catalog import drafts, registry
from ipaas.catalog.connector_models import ConnectorDocument
from ipaas.catalog.imports import draft_import
from ipaas.catalog.models import Connection, ImportDraft, ImportedConnector
from ipaas.catalog.services import create_connection
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM
from ipaas.governance.models import Review
from ipaas.sdk.loader import Survey, Unloaded
from ipaas.sdk.openapi.apart import SMALL_BYTES
from ipaas.web.pages import catalog as catalog_pages
from tests.factories.descriptions import SOURCE, changed, import_connector
from tests.integration.catalog.test_releases import update
from tests.integration.web.conftest import VALUE, Browsers

LIST = "/w/acme/catalog/"
NEW = f"{LIST}import/"
ONE = f"{LIST}of/parcel-post/"
POST = "/w/acme/connections/in/production/post/"
TRY = f"{POST}try/"
MOVE = f"{POST}version/"


@pytest.fixture
def builder(as_role: Browsers) -> Client:
    return as_role("builder")


@pytest.fixture
def kept(workspace: Workspace) -> ImportedConnector:
    return keep(workspace, SOURCE)


@pytest.fixture
def draft(workspace: Workspace, kept: ImportedConnector) -> ImportDraft:
    return draft_import(workspace=workspace, slug="parcel-post", source=jsonio.dumps(changed()), actor=SYSTEM)


@pytest.fixture
def post(environment: Environment, kept: ImportedConnector) -> Connection:
    return create_connection(environment=environment, slug="post", connector="parcel-post", actor=SYSTEM)


def keep(workspace: Workspace, source: dict[str, Any]) -> ImportedConnector:
    return import_connector(workspace=workspace, slug="parcel-post", source=jsonio.dumps(source), actor=SYSTEM)


def handed_in(content: bytes, name: str = "api.json", slug: str = "parcel-post") -> dict[str, Any]:
    return {"slug": slug, "category": "generic", "file": SimpleUploadedFile(name, content)}


def text_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


# -- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(as_role: Browsers, draft: ImportDraft, role: str) -> None:
    browser = as_role(role)
    pages = {LIST: "connections.view", ONE: "connections.view", f"{ONE}send_parcel/": "connections.view",
             NEW: "connectors.edit", f"{NEW}{draft.id}/": "connectors.edit"}  # fmt: skip
    for url, permission in pages.items():
        assert browser.get(url).status_code == (200 if permission in ROLES[role] else 403), url


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_deed_is_for_those_with_its_permission(as_role: Browsers, draft: ImportDraft, role: str) -> None:
    may = "connectors.publish" in ROLES[role]
    browser = as_role(role)
    end = {"version": "1", "end": "retired", "reason": "over"}
    assert browser.post(f"{ONE}-deprecate/", end).status_code == (302 if may else 403)
    assert browser.post(f"{ONE}-publish/", {"revision": "1"}).status_code == (302 if may else 403)
    assert browser.post(f"{NEW}{draft.id}/keep/").status_code == (302 if may else 403)
    assert ImportDraft.objects.exists() != may
    assert ImportedConnector.objects.exclude(released__state="retired").count() == 1


def test_who_may_not_edit_is_offered_nothing(as_role: Browsers, draft: ImportDraft) -> None:
    shown = text_of(as_role("operator").get(LIST)) + text_of(as_role("auditor").get(ONE))
    assert f"{NEW}{draft.id}" not in shown
    assert "-deprecate/" not in shown
    assert 'href="/w/acme/catalog/import/' not in shown


def test_another_workspace_sees_none_of_it(stranger: Client, draft: ImportDraft) -> None:
    mine = "/w/globex/catalog/"
    assert "parcel-post" not in text_of(stranger.get(mine))
    for path in ("of/parcel-post/", "of/parcel-post/send_parcel/", f"import/{draft.id}/"):
        assert stranger.get(f"{mine}{path}").status_code == 404, path
        assert stranger.get(f"/w/acme/catalog/{path}").status_code == 404, path
    for path in (f"import/{draft.id}/keep/", f"import/{draft.id}/discard/", "of/parcel-post/-delete/1/"):
        assert stranger.post(f"{mine}{path}").status_code == 404, path
    assert (ImportDraft.objects.count(), ImportedConnector.objects.count()) == (1, 1)


# -- from the file to the version ----------------------------------------------------------------------------------


def test_a_file_is_looked_at_and_kept(builder: Client, workspace: Workspace) -> None:
    answer = builder.post(NEW, handed_in(jsonio.dumps(SOURCE)))
    draft = ImportDraft.objects.get()
    assert answer["Location"] == f"{NEW}{draft.id}/"
    assert not ImportedConnector.objects.exists()
    assert "send_parcel" in text_of(builder.get(answer["Location"]))
    builder.post(f"{NEW}{draft.id}/keep/")
    assert not ImportDraft.objects.exists()
    shown = text_of(builder.get(ONE))
    assert "Parcel Post" in shown
    assert "1.0.0" in shown


def test_a_text_is_as_good_as_a_file(builder: Client, workspace: Workspace) -> None:
    answer = builder.post(NEW, {"slug": "post", "category": "generic", "text": json.dumps(SOURCE)})
    assert answer.status_code == 302
    assert ImportDraft.objects.get().slug == "post"


def test_a_form_sent_twice_makes_one_draft_and_kept_twice_one_version(builder: Client, workspace: Workspace) -> None:
    for _ in range(2):
        builder.post(NEW, handed_in(jsonio.dumps(SOURCE)))
    draft = ImportDraft.objects.get()
    assert builder.post(f"{NEW}{draft.id}/keep/").status_code == 302
    assert builder.post(f"{NEW}{draft.id}/keep/").status_code == 404
    assert ImportedConnector.objects.count() == 1


def test_what_would_break_is_said_with_who_uses_it(builder: Client, draft: ImportDraft, post: Connection) -> None:
    shown = text_of(builder.get(f"{NEW}{draft.id}/"))
    assert "is new and required" in shown
    assert "breaking" in shown
    assert POST in shown


def test_operations_are_found_by_a_part_of_their_path(builder: Client, kept: ImportedConnector) -> None:
    assert "send_parcel" in text_of(builder.get(f"{ONE}?find=parcels"))
    assert "send_parcel" not in text_of(builder.get(f"{ONE}?find=invoices"))


def test_a_discarded_draft_leaves_the_versions_alone(builder: Client, draft: ImportDraft) -> None:
    builder.post(f"{NEW}{draft.id}/discard/")
    assert (ImportDraft.objects.count(), ImportedConnector.objects.count()) == (0, 1)


def test_a_version_that_a_connection_uses_stays(builder: Client, workspace: Workspace, post: Connection) -> None:
    keep(workspace, changed())
    shown = text_of(builder.get(ONE))
    assert f'action="{ONE}-deprecate/"' in shown
    end = {"version": "1", "end": "retired", "reason": "over"}
    assert "post in production" in text_of(builder.post(f"{ONE}-deprecate/", end, follow=True))
    assert "Version 2 is retired" in text_of(builder.post(f"{ONE}-deprecate/", {**end, "version": "2"}, follow=True))
    assert [one.state for one in ImportedConnector.objects.order_by("number")] == ["published", "retired"]
    later = {"version": "1", "end": "deprecated", "sunset_on": "2099-01-01", "reason": "the vendor ends it"}
    assert "the vendor ends it; until" in text_of(builder.post(f"{ONE}-deprecate/", later, follow=True))


def test_an_import_waits_for_its_review_where_the_policy_says_so(builder: Client, workspace: Workspace) -> None:
    workspace.settings["review_policy"] = {"connector": "steward"}
    workspace.save()
    builder.post(NEW, handed_in(jsonio.dumps(SOURCE)))
    draft = ImportDraft.objects.get()
    shown = text_of(builder.get(f"{NEW}{draft.id}/"))
    assert "A steward approves" in shown
    assert "Send to review" in shown
    sent = builder.post(f"{NEW}{draft.id}/keep/", {"note": "parcels"}, follow=True)
    assert "actions.send_parcel POST /parcels" in text_of(sent)
    assert "Compatibility" in text_of(sent)
    assert not ImportedConnector.objects.exists()
    one = text_of(builder.get(ONE))
    assert "not published" in one
    assert "In review" in one
    assert "Connectors in review" in text_of(builder.get(NEW.replace("import/", "")))
    assert "/connections/new/parcel-post/" not in one
    review = Review.objects.get()
    builder.post(sent.redirect_chain[-1][0] + "withdraw/", {"reason": "not yet"})
    review.refresh_from_db()
    assert review.state == "withdrawn"
    again = {"revision": ConnectorDocument.objects.get().draft_revision}
    assert "Sent to review" in text_of(builder.post(f"{ONE}-publish/", again, follow=True))
    assert builder.get(f"{ONE}-edit/")["Location"] == f"{NEW}?slug=parcel-post"


# -- what is no description ----------------------------------------------------------------------------------------


def _zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("api.json", b"0" * 1_000_000)
    return held.getvalue()


YAML_BOMB = b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 60))
BAD = {
    "a page": b"<!doctype html><html><body>Not Found</body></html>",
    "an archive": _zip(),
    "nothing": b" ",
    "binary": bytes(range(256)) * 20,
    "latin-1": json.dumps({"title": "é"}, ensure_ascii=False).encode("latin-1"),
    "a yaml bomb": b"openapi: 3.0.0\n" + YAML_BOMB,
    "a yaml object": b"openapi: !!python/object/apply:os.system [id]\n",
    "deep json": b'{"openapi":"3.0.0","paths":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep yaml": b"openapi: 3.0.0\nx: " + b"[" * 5_000 + b"]" * 5_000,
    "half a document": jsonio.dumps(SOURCE)[:-20],
    "keys twice": b'{"openapi":"3.0.0","openapi":"3.1.0"}',
    "no operation": b'{"openapi":"3.0.0","info":{"title":"x","version":"1"},"paths":{}}',
    "paths of another kind": b'{"openapi":"3.0.0","info":[],"paths":[1]}',
    "another format": b'{"asyncapi":"2.6.0"}',
    "version 4": b'{"openapi":"4.0.0"}',
    "a list": b"[1, 2]",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_description_is_refused_in_words(builder: Client, workspace: Workspace, name: str) -> None:
    answer = builder.post(NEW, handed_in(BAD[name]))
    assert answer.status_code == 422
    assert not ImportDraft.objects.exists()
    assert answer.context["form"].errors
    assert "Traceback" not in text_of(answer)


def test_a_file_that_is_too_large_is_refused(builder: Client, workspace: Workspace) -> None:
    answer = builder.post(NEW, handed_in(b" " * (25 * 1024 * 1024)))
    assert answer.status_code == 422
    assert "24 MB" in text_of(answer)


@pytest.mark.parametrize("slug", ["payments", "Parcel", "1st", "a b", "../etc", "x" * 61, "", "-a", "a--b"])
def test_a_name_that_can_not_be_taken_is_said_beside_its_field(
    builder: Client, workspace: Workspace, slug: str
) -> None:
    answer = builder.post(NEW, handed_in(jsonio.dumps(SOURCE), slug=slug))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["slug"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://169.254.169.254/latest", "file:///etc/passwd", "x"])
def test_an_address_inside_is_not_fetched(builder: Client, workspace: Workspace, url: str) -> None:
    answer = builder.post(NEW, {"slug": "post", "category": "generic", "url": url})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["url"]


def test_one_source_and_not_two(builder: Client, workspace: Workspace) -> None:
    assert builder.post(NEW, {"slug": "post", "category": "generic"}).status_code == 422
    both = {**handed_in(jsonio.dumps(SOURCE)), "text": json.dumps(SOURCE)}
    assert builder.post(NEW, both).status_code == 422


def test_texts_of_a_description_are_shown_as_texts(builder: Client, workspace: Workspace) -> None:
    source = {**SOURCE, "info": {"title": "<script>alert(1)</script>Post", "version": "{{ 7 * 7 }}"}}
    answer = builder.post(NEW, handed_in(jsonio.dumps(source)), follow=True)
    assert "<script>alert(1)" not in text_of(answer)


# -- another version -----------------------------------------------------------------------------------------------


def test_a_connection_is_moved_after_what_breaks_was_shown(
    builder: Client, workspace: Workspace, post: Connection
) -> None:
    assert MOVE in text_of(builder.get(POST))
    keep(workspace, changed())
    shown = text_of(builder.get(MOVE))
    assert "is new and required" in shown
    assert "Give it in every step that calls send_parcel." in shown
    answer = builder.post(MOVE, {"version": "2.0.0"})
    assert answer["Location"] == POST
    post.refresh_from_db()
    assert post.connector_version == "2.0.0"


@pytest.mark.parametrize("version", ["", "9.0.0", "x", "1" * 30, "²"])
def test_a_version_that_is_not_there_moves_nothing(builder: Client, post: Connection, version: str) -> None:
    assert builder.post(MOVE, {"version": version}).status_code in {302, 422}
    post.refresh_from_db()
    assert post.connector_version == "1.0.0"


def test_a_connector_of_the_installation_has_no_versions_to_move_to(builder: Client, connection: Connection) -> None:
    page = "/w/acme/connections/in/production/payments/"
    assert builder.get(f"{page}version/").status_code == 404
    assert "version/" not in text_of(builder.get(page))


def test_a_connection_over_an_installed_connector_is_moved_and_back(
    builder: Client, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = create_connection(environment=environment, slug="shop", connector="loyalty", actor=SYSTEM)
    before, page = row.connector_version, "/w/acme/connections/in/production/shop/"
    update(monkeypatch, without="award_points")
    assert "award_points" in text_of(builder.get(f"{LIST}of/loyalty/"))
    assert "award_points" in text_of(builder.get(f"{page}version/"))
    for version in ("2.0.0", before):
        assert builder.post(f"{page}version/", {"version": version})["Location"] == page
        row.refresh_from_db()
        assert row.connector_version == version


# -- odd texts, levels and pasted commands ---------------------------------------------------------------------------


NONSENSE = ["a\x00b", "\x00", "9" * 400, "[" * 5000, '"\\ud800"', "\U0001f4a5\u202e", '{"a": 1e999, "a": 2}', " \t\r\n"]


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
@pytest.mark.parametrize("field", ["slug", "category", "url", "text"])
def test_nonsense_in_a_field_is_said_and_no_defect(
    builder: Client, workspace: Workspace, field: str, text: str
) -> None:
    answer = builder.post(NEW, {"slug": "post", "category": "generic", "text": "", "url": "", field: text})
    assert answer.status_code == 422
    assert builder.post(NEW, {"slug": "post", "category": "generic", "file-clear": text}).status_code == 422
    assert builder.post(f"{NEW}?slug={field}&find=%00", {field: text}).status_code == 422


def test_a_connector_shows_its_level_and_what_is_missing(builder: Client) -> None:
    page = text_of(builder.get(f"{LIST}of/storefront/"))
    assert "silver" in page
    assert "no signed sample" in page
    assert "silver" in text_of(builder.get(LIST))


def test_a_connector_that_can_not_be_loaded_is_told_to_those_who_build(
    as_role: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Survey(dict(registry.connectors()), (Unloaded("/srv/connectors/acme", "Its manifest is not valid."),))
    monkeypatch.setattr(catalog_pages, "installed", lambda: broken)
    assert "/srv/connectors/acme" in text_of(as_role("builder").get(LIST))
    assert "/srv/connectors/acme" not in text_of(as_role("viewer").get(LIST))


def test_a_command_that_is_pasted_is_shown_without_its_secret(builder: Client, workspace: Workspace) -> None:
    command = f"curl -H 'Authorization: Bearer {VALUE}' https://api.example.com/things?limit=5"
    answer = builder.post(NEW, {"slug": "things", "category": "generic", "kind": "", "text": command})
    assert answer.status_code == 302
    page = builder.get(answer.headers["Location"]).content.decode()
    assert "/things" in page
    assert "cURL" in page
    assert VALUE not in page
    assert VALUE.encode() not in ImportDraft.objects.get().source


def test_a_large_description_shows_how_far_it_is_and_then_what_it_becomes(
    builder: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "begin", lambda draft_id: None)
    source = {**SOURCE, "x-padding": "x" * (SMALL_BYTES + 1)}
    address = builder.post(NEW, handed_in(json.dumps(source).encode())).headers["Location"]
    draft = ImportDraft.objects.get()
    ImportDraft.objects.filter(id=draft.id).update(phase="operations", done=50, total=200)
    page = builder.get(address).content.decode()
    assert "Operations are read" in page
    assert "50 of 200" in page
    assert 'value="25"' in page
    seen = {"v": "reading:operations:50"}
    htmx = {"hx-request": "true"}
    assert builder.get(address, seen, headers=htmx).status_code == 204
    assert drafts.read_draft(draft.id)
    assert builder.get(address, seen, headers=htmx).headers["HX-Redirect"] == address
    assert "Keep it" in builder.get(address).content.decode()


def test_what_can_not_be_read_says_so_on_its_page(
    builder: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "begin", lambda draft_id: None)
    source = {**SOURCE, "paths": {}, "x-padding": "x" * (SMALL_BYTES + 1)}
    address = builder.post(NEW, handed_in(json.dumps(source).encode())).headers["Location"]
    assert drafts.read_draft(ImportDraft.objects.get().id)
    page = builder.get(address).content.decode()
    assert "neither an operation that can be called nor a webhook" in page
    assert builder.post(f"{address}keep/").headers["Location"] == address
