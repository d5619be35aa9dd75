"""What the pages of flows, mappings and schemas have in common: who may, editor, conflicts, versions, differences."""

import json

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.audit.models import AuditEntry
from ipaas.core.document_types import document_type
from ipaas.flows.models import Flow
from tests.integration.web.conftest import Browsers
from tests.integration.web.documents import BAD_TEXTS, CONTENTS, KINDS, SLUGS, published, yaml_of

PLACES = sorted(CONTENTS)
HTMX = {"HX-Request": "true"}


def base(place: str) -> str:
    return f"/w/acme/{place}/"


def permission(place: str) -> str:
    return place.replace("-", "_")


def one(place: str) -> str:
    return f"{base(place)}{SLUGS[place]}/"


@pytest.fixture
def documents(workspace: Workspace, environment: Environment) -> None:
    for place in PLACES:
        published(workspace, place)


@pytest.fixture
def builder(as_role: Browsers, documents: None) -> Client:
    return as_role("builder")


def draft(place: str) -> tuple[int, dict[str, object]]:
    found = document_type(KINDS[place]).documents.get(slug=SLUGS[place])
    return found.draft_revision, found.draft


VIEWS = {"": "view", "{one}": "view", "{one}diff/": "view", "{one}text/": "view", "{one}edit/": "edit", "-new/": "edit"}
DEEDS = {"-new/": "edit", "{one}edit/": "edit", "-check/": "view", "{one}publish/": "publish",
         "{one}deprecate/": "publish", "{one}archive/": "publish", "{one}restore/": "publish"}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(as_role: Browsers, documents: None, role: str, place: str) -> None:
    browser = as_role(role)
    answers = {view: browser.get(base(place) + view.format(one=f"{SLUGS[place]}/")).status_code for view in VIEWS}

    assert answers == {
        view: 200 if f"{permission(place)}.{deed}" in ROLES[role] else 403 for view, deed in VIEWS.items()
    }


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("role", ["approver", "auditor", "operator"])
def test_a_deed_is_denied_without_its_permission(as_role: Browsers, documents: None, role: str, place: str) -> None:
    before, browser = draft(place), as_role(role)
    denied = [view for view, deed in DEEDS.items() if f"{permission(place)}.{deed}" not in ROLES[role]]
    answers = [browser.post(base(place) + view.format(one=f"{SLUGS[place]}/"), {"document": "x"}) for view in denied]

    assert {answer.status_code for answer in answers} == {403}
    assert draft(place) == before


@pytest.mark.parametrize("place", PLACES)
def test_a_stranger_finds_and_changes_nothing(documents: None, stranger: Client, place: str) -> None:
    before, own = draft(place), one(place).replace("acme", "globex")
    given = {"document": yaml_of(place, title="Mine"), "revision": "1", "reason": "x", "version": "1"}

    for view in ("", "edit/", "diff/", "text/"):
        assert stranger.get(one(place) + view).status_code == 404
        assert stranger.get(own + view).status_code == 404
    for deed in ("edit/", "publish/", "archive/", "restore/", "deprecate/"):
        assert stranger.post(one(place) + deed, given).status_code == 404
        assert stranger.post(own + deed, given).status_code == 404
    assert draft(place) == before


@pytest.mark.parametrize("place", PLACES)
def test_a_new_document_is_saved_and_published(
    as_role: Browsers, workspace: Workspace, environment: Environment, place: str
) -> None:
    builder = as_role("builder")
    if place in ("contracts", "event-types"):
        published(workspace, "schemas")  # which it names
    answer = builder.post(f"{base(place)}-new/", {"document": yaml_of(place), "revision": "0"})
    assert (answer.status_code, answer["Location"]) == (302, f"{one(place)}edit/")

    answer = builder.post(f"{one(place)}publish/", {"revision": "1", "note": "the first"})
    assert (answer.status_code, answer["Location"]) == (302, one(place))
    shown = builder.get(one(place)).content.decode()
    assert "the first" in shown
    assert "Version 1 is published" in shown


@pytest.mark.parametrize("place", PLACES)
def test_a_bad_text_gives_findings_and_changes_nothing(builder: Client, place: str) -> None:
    before = draft(place)
    for name, text in BAD_TEXTS.items():
        given = {"document": text, "revision": "1", "sample": "{}"}
        checked = builder.post(f"{base(place)}-check/", given, headers=HTMX)
        assert checked.status_code == 200, name
        assert [one for one in checked.context["findings"] if one.severity == "error"], name
        assert builder.post(f"{one(place)}edit/", given).status_code == 422, name
        assert builder.post(f"{base(place)}-new/", {**given, "revision": "0"}).status_code in {302, 409, 422}, name
    assert draft(place) == before


@pytest.mark.parametrize("place", PLACES)
def test_an_unfinished_draft_is_shown_everywhere(as_role: Browsers, environment: Environment, place: str) -> None:
    builder = as_role("builder")
    text = f"kind: {KINDS[place]}\nslug: half\nfields: [1]\nsteps: {{}}\nschema: {{$ref: '#/no'}}\ntrigger: 7\n"
    assert builder.post(f"{base(place)}-new/", {"document": text, "revision": "0"}).status_code == 302

    for view in ("", "edit/", "text/"):
        assert builder.get(f"{base(place)}half/{view}").status_code == 200
    assert builder.get(base(place)).status_code == 200
    refused = builder.post(f"{base(place)}half/publish/", {"revision": "1"}, follow=True)
    assert "Not published." in refused.content.decode()


@pytest.mark.parametrize("place", PLACES)
def test_a_valid_text_has_no_errors(builder: Client, place: str) -> None:
    checked = builder.post(f"{base(place)}-check/", {"document": yaml_of(place)}, headers=HTMX)

    assert [one.message for one in checked.context["findings"] if one.severity == "error"] == []


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("kind: flow\nslug: orders\ntitle: [\n", 4, 1),
        ('{"kind": "flow",\n "slug": }', 2, 10),
        ("kind: flow\nslug: orders\nnonsense: 1\ntitle: x", 3, 1),
        ('{"kind": "flow", "slug": "orders",\n  "nonsense": 1}', 2, 3),
    ],
    ids=["yaml syntax", "json syntax", "yaml key", "json key"],
)
def test_a_finding_names_its_line_and_column(builder: Client, text: str, line: int, column: int) -> None:
    checked = builder.post("/w/acme/flows/-check/", {"document": text}, headers=HTMX)

    assert (line, column) in {(found.line, found.column) for found in checked.context["findings"]}


def test_a_lint_finding_says_what_to_do(builder: Client) -> None:
    text = yaml_of("flows", deadline=None).replace("deadline: null\n", "")
    checked = builder.post("/w/acme/flows/-check/", {"document": text}, headers=HTMX)
    found = next(one for one in checked.context["findings"] if "deadline" in one.message)

    assert found.severity == "warning"
    assert "Say how long its result is still worth something." in found.remedy


@pytest.mark.parametrize("place", PLACES)
def test_a_lost_update_is_refused_and_both_texts_are_shown(builder: Client, as_role: Browsers, place: str) -> None:
    as_role("steward").post(f"{one(place)}edit/", {"document": yaml_of(place, title="Theirs"), "revision": "1"})
    mine = {"document": yaml_of(place, title="Mine"), "revision": "1"}
    answer = builder.post(f"{one(place)}edit/", mine)

    assert answer.status_code == 409
    assert draft(place)[1]["title"] == "Theirs"
    assert "title: Mine" in answer.context["text"]
    assert [(row.path, row.before, row.after) for row in answer.context["conflict"]["rows"]] == [
        ("/title", "Theirs", "Mine")
    ]
    assert answer.context["conflict"]["by"] == "steward@example.org"

    answer = builder.post(f"{one(place)}edit/", {**mine, "over": "2"})
    assert answer.status_code == 302
    assert draft(place) == (3, {**CONTENTS[place], "title": "Mine"})


@pytest.mark.parametrize("place", PLACES)
def test_writing_over_a_revision_is_refused_too_when_a_newer_one_came(builder: Client, place: str) -> None:
    for revision in (1, 2):
        given = {"document": yaml_of(place, title=f"Theirs {revision}"), "revision": str(revision)}
        builder.post(f"{one(place)}edit/", given)

    answer = builder.post(f"{one(place)}edit/", {"document": yaml_of(place), "revision": "1", "over": "2"})
    assert answer.status_code == 409
    assert draft(place)[1]["title"] == "Theirs 2"


def test_a_revision_that_is_none_is_a_conflict(builder: Client) -> None:
    for revision in ("", "-1", "1e3", "9" * 40, "²", "\x00"):
        given = {"document": yaml_of("mappings"), "revision": revision}
        assert builder.post("/w/acme/mappings/order-row/edit/", given).status_code == 409
    assert draft("mappings")[0] == 1


@pytest.mark.parametrize("place", PLACES)
def test_a_new_document_never_replaces_one_with_its_slug(builder: Client, place: str) -> None:
    answer = builder.post(f"{base(place)}-new/", {"document": yaml_of(place, title="Mine"), "revision": "0"})

    assert answer.status_code == 409
    assert draft(place)[0] == 1


@pytest.mark.parametrize("place", PLACES)
def test_a_slug_never_changes(builder: Client, place: str) -> None:
    answer = builder.post(f"{one(place)}edit/", {"document": yaml_of(place, slug="another"), "revision": "1"})

    assert answer.status_code == 422
    assert "can not change" in answer.content.decode()
    assert not document_type(KINDS[place]).documents.filter(slug="another").exists()


@pytest.mark.parametrize("place", PLACES)
def test_publishing_upon_an_old_revision_is_refused(builder: Client, place: str) -> None:
    builder.post(f"{one(place)}edit/", {"document": yaml_of(place, title="Newer"), "revision": "1"})
    answer = builder.post(f"{one(place)}publish/", {"revision": "1", "note": "x"}, follow=True)

    assert "revision 2 now" in answer.content.decode()
    assert document_type(KINDS[place]).documents.get(slug=SLUGS[place]).latest_version == 1


@pytest.mark.parametrize("place", PLACES)
def test_two_versions_and_the_draft_are_compared(builder: Client, workspace: Workspace, place: str) -> None:
    published(workspace, place, title="Second")
    builder.post(f"{one(place)}edit/", {"document": yaml_of(place, title="Third"), "revision": "2"})

    rows = builder.get(f"{one(place)}diff/?from=1&to=2").context["rows"]
    assert [(row.path, row.after) for row in rows] == [("/title", "Second")]
    rows = builder.get(f"{one(place)}diff/?from=2&to=draft").context["rows"]
    assert [(row.path, row.before, row.after) for row in rows] == [("/title", "Second", "Third")]
    assert builder.get(one(place)).context["draft_diff_url"]


@pytest.mark.parametrize("place", PLACES)
def test_versions_that_do_not_exist_are_not_found(builder: Client, place: str) -> None:
    for query in ("from=9&to=1", "from=x", "to=-1", "from=1&to=9" + "9" * 30, "from=%00"):
        assert builder.get(f"{one(place)}diff/?{query}").status_code == 404, query
    assert builder.get(f"{one(place)}?version=9").status_code == 404


@pytest.mark.parametrize("place", PLACES)
def test_the_text_is_what_was_published(builder: Client, place: str) -> None:
    answer = builder.get(f"{one(place)}text/?version=1")

    assert answer["Content-Disposition"] == f'attachment; filename="{SLUGS[place]}.yaml"'
    assert answer.content.decode().startswith(f"kind: {KINDS[place]}\n")


@pytest.mark.parametrize("place", PLACES)
def test_a_version_is_deprecated_with_a_reason(builder: Client, place: str) -> None:
    builder.post(f"{one(place)}deprecate/", {"version": "1", "reason": ""})
    version = document_type(KINDS[place]).versions.get(document__slug=SLUGS[place])
    assert version.state == "published"

    ended = {"version": "1", "reason": "wrong amounts", "sunset_on": "2999-12-31", "replacement": SLUGS[place]}
    answer = builder.post(f"{one(place)}deprecate/", {**ended, "sunset_on": "soon"}, follow=True)
    assert "write a day" in answer.content.decode()
    builder.post(f"{one(place)}deprecate/", ended)
    version.refresh_from_db()
    assert version.state == "deprecated"
    assert "wrong amounts; until" in builder.get(one(place)).content.decode()
    entry = AuditEntry.objects.get(action=f"{KINDS[place]}.version_deprecated")
    assert entry.details["reason"] == "wrong amounts"
    assert builder.post(f"{one(place)}deprecate/", {"version": "7", "reason": "x"}).status_code == 404


@pytest.mark.parametrize("place", PLACES)
def test_a_document_is_archived_and_brought_back(builder: Client, place: str) -> None:
    if place == "schemas":  # that of the event type holds it
        builder.post(f"{one('event-types')}archive/", {"reason": "replaced"})
    builder.post(f"{one(place)}archive/", {"reason": "replaced"})
    assert SLUGS[place] not in [row.slug for row in builder.get(base(place)).context["page"].items]
    assert SLUGS[place] in [row.slug for row in builder.get(f"{base(place)}?state=archived").context["page"].items]
    answer = builder.post(f"{one(place)}edit/", {"document": yaml_of(place), "revision": "1"})
    assert answer.status_code == 409

    builder.post(f"{one(place)}restore/")
    assert SLUGS[place] in [row.slug for row in builder.get(base(place)).context["page"].items]


@pytest.mark.parametrize("place", PLACES)
def test_any_query_of_a_list_is_answered(builder: Client, place: str) -> None:
    for query in ("?q=%00", "?q=%25", "?after=%00", "?before=zzz&after=aaa", "?state=nonsense"):
        assert builder.get(base(place) + query).status_code == 200, query


def test_a_list_is_paged_by_slug(as_role: Browsers, workspace: Workspace, environment: Environment) -> None:
    Flow.objects.bulk_create(Flow(workspace=workspace, slug=f"flow-{n:03}", title=f"Flow {n}") for n in range(120))
    builder = as_role("builder")
    pages, url = [], "/w/acme/flows/"
    while url:
        page = builder.get(url).context["page"]
        pages.append([row.slug for row in page.items])
        url = f"/w/acme/flows/{page.next_url}" if page.next_url else ""
    back = builder.get(f"/w/acme/flows/{page.previous_url}").context["page"]

    assert [len(rows) for rows in pages] == [50, 50, 20]
    assert [slug for rows in pages for slug in rows] == [f"flow-{n:03}" for n in range(120)]
    assert [row.slug for row in back.items] == pages[1]


@pytest.mark.parametrize("place", ["mappings", "schemas"])
def test_a_part_of_a_flow_is_shown_and_not_edited(builder: Client, workspace: Workspace, place: str) -> None:
    steps = [
        {"id": "shape", "map": {"fields": {"id": "trigger.body.id"}}},
        {"id": "check", "validate": {"schema": {"type": "object"}, "value": "steps.shape.output"}},
    ]
    published(workspace, "flows", steps=steps)
    slug = {"mappings": "orders--shape", "schemas": "orders--check"}[place]

    assert slug in [row.slug for row in builder.get(f"{base(place)}?state=parts").context["page"].items]
    page = builder.get(f"{base(place)}{slug}/")
    assert page.context["part_of"] == "orders"
    assert page.context["edit_url"] == ""
    assert builder.get(f"{base(place)}{slug}/edit/").context["save_url"] == ""


@pytest.mark.parametrize("place", PLACES)
def test_a_document_may_be_named_like_a_page(builder: Client, place: str) -> None:
    for slug in ("new", "check"):
        text = yaml_of(place, slug=slug)
        assert builder.post(f"{base(place)}-new/", {"document": text, "revision": "0"}).status_code == 302
        assert builder.get(f"{base(place)}{slug}/").context["document"].slug == slug
        assert builder.get(f"{base(place)}{slug}/edit/").status_code == 200


@pytest.mark.parametrize("place", PLACES)
def test_comments_and_the_order_of_keys_come_back_in_the_editor(builder: Client, place: str) -> None:
    content = {**CONTENTS[place], "slug": "commented"} | ({"name": "other"} if place == "event-types" else {})
    text = "# Why.\n" + "".join(f"{key}: {json.dumps(content[key])}  # so\n" for key in reversed(content))
    builder.post(f"{base(place)}-new/", {"document": text.replace("\n", "\r\n"), "revision": "0"})
    assert builder.get(f"{base(place)}commented/edit/").context["text"] == text
    assert builder.get(f"{base(place)}commented/text/").content.decode() == text
    builder.post(f"{base(place)}commented/publish/", {"revision": "1", "note": "first"})
    assert builder.get(f"{base(place)}commented/text/?version=1").content.decode() == text


@pytest.mark.parametrize("place", PLACES)
def test_a_draft_is_saved_while_it_is_written(builder: Client, workspace: Workspace, place: str) -> None:
    published(workspace, place)
    edit = f"{base(place)}{SLUGS[place]}/edit/"
    given = {"document": yaml_of(place, title="Half"), "revision": "1", "autosave": "yes"}
    saved = builder.post(edit, given)
    assert (saved.status_code, saved.json()["revision"]) == (200, 2)
    stale = builder.post(edit, {**given, "document": yaml_of(place, title="Other")})
    assert (stale.json()["conflict"], "Somebody saved in between" in stale.json()["problem"]) == (True, True)
    unreadable = builder.post(edit, {**given, "revision": "2", "document": "kind: {"})
    assert (unreadable.json()["conflict"], "Not saved yet" in unreadable.json()["problem"]) == (False, True)
    assert builder.get(edit).context["document"].title == "Half"


def test_the_editor_knows_what_the_workspace_has_and_no_value(
    builder: Client, workspace: Workspace, environment: Environment
) -> None:
    environment.variables = {"rate": "not to be seen"}
    environment.save()
    published(workspace, "schemas")
    published(workspace, "mappings")
    page = builder.get("/w/acme/flows/-new/")
    guide = page.context["guide"]
    assert [one["label"] for one in guide["mapping"]] == ["order-row@1"]
    assert guide["shapes"]["order"] == {"id": {}, "email": {}}
    assert guide["schema"]["title"] == "Flow document"
    assert {"label", "detail", "info"} <= set(guide["functions"][0])
    assert "not to be seen" not in page.content.decode()
