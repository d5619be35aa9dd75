"""Pages of endpoints: who sees and changes them, forms, receipts without content."""

import json

import pytest
from django.db import connection
from django.test import Client

from ipaas.accounts.models import Environment, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.catalog.registry import connectors
from ipaas.catalog.services import create_connection
from ipaas.core.actor import SYSTEM
from ipaas.core.ids import uuid7
from ipaas.core.phrases import said
from ipaas.events.arrivals import Seen, keep_note
from ipaas.events.intake import Arrival
from ipaas.events.models import ArrivalNote, Endpoint, Subscription
from ipaas.events.queries import endpoint_view
from ipaas.events.services import create_endpoint
from ipaas.flows.models import FlowVersion
from ipaas.governance.services import deploy
from ipaas.sdk.signatures import SignatureInvalid
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret
from tests.integration.web.conftest import Browsers
from tests.integration.web.documents import published

LIST = "/w/acme/endpoints/"
ONE = "/w/acme/endpoints/in/production/shop/"
PAGES = {LIST: "connections.view", ONE: "connections.view", f"{ONE}edit/": "connections.edit",
         f"{LIST}new/": "connections.edit"}  # fmt: skip
DEEDS = ("edit/", "pause/", "resume/", "rotate/")
FORM = {"environment": "production", "slug": "till", "title": "Till", "way": "standard-webhooks", "secret_slug": "hook"}
HMAC = '{"scheme": "hmac", "header": "X-Sig", "algorithm": "sha256", "encoding": "hex"}'


@pytest.fixture
def endpoint(workspace: Workspace, environment: Environment) -> Endpoint:
    create_secret(
        workspace=workspace, slug="hook", fields={"signing_secret": "whsec_c2VjcmV0LW9mLXRlc3Rz"},
        kind=Secret.Kind.SIGNING, actor=SYSTEM,
    )  # fmt: skip
    return create_endpoint(
        actor=SYSTEM, environment=environment, slug="shop", title="The shop", secret_slug="hook", event_header="x-event"
    )


@pytest.fixture
def builder(as_role: Browsers, endpoint: Endpoint) -> Client:
    return as_role("builder")


def add_receipt(endpoint: Endpoint, state: str, delivery: str, run_ids: list[object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_receipt (id, workspace_id, endpoint_id, delivery_id, event, state, body_sha256,"
            " trace_id, sealed, run_ids, note)"
            " VALUES (%s, %s, %s, %s, 'order.created', %s, '', %s, %s, %s::uuid[], '')",
            [uuid7(), endpoint.workspace_id, endpoint.id, delivery, state, "4b" * 16, b"SEALED-CONTENT", run_ids],
        )


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(as_role: Browsers, endpoint: Endpoint, role: str) -> None:
    browser = as_role(role)
    answers = {url: browser.get(url).status_code for url in PAGES}
    assert answers == {url: 200 if permission in ROLES[role] else 403 for url, permission in PAGES.items()}

    if "connections.edit" not in ROLES[role]:
        assert {browser.post(ONE + deed, {"reason": "x"}).status_code for deed in DEEDS} == {403}
        assert browser.post(f"{LIST}new/", FORM).status_code == 403
        assert Endpoint.objects.get().public_id == endpoint.public_id


def test_a_stranger_finds_and_changes_nothing(endpoint: Endpoint, stranger: Client) -> None:
    for place in (ONE, ONE.replace("acme", "globex")):
        assert stranger.get(place).status_code == 404
        assert {stranger.post(place + deed, {"reason": "x"}).status_code for deed in DEEDS} == {404}
    assert Endpoint.objects.get().public_id == endpoint.public_id
    assert "The shop" not in stranger.get(LIST.replace("acme", "globex")).content.decode()


def test_the_page_shows_address_receipts_and_what_they_led_to(
    builder: Client, endpoint: Endpoint, workspace: Workspace, environment: Environment
) -> None:
    flow = published(workspace, "flows", trigger={"webhook": {"endpoint": "shop", "events": ["order.created"]}})
    deploy(flow=flow, environment=environment, version=FlowVersion.objects.get(), actor=SYSTEM)
    run_id = uuid7()
    add_receipt(endpoint, "processed", "evt-1", [run_id])
    add_receipt(endpoint, "conflict", "evt-2 <b>")
    answer = builder.get(ONE)
    text = answer.content.decode()

    assert f"/hooks/{endpoint.public_id}" in text
    assert [row.delivery_id for row in answer.context["page"].items] == ["evt-2 <b>", "evt-1"]
    assert f"/w/acme/runs/{run_id}/" in text
    assert "evt-2 &lt;b&gt;" in text
    assert "SEALED" not in text
    assert [link.label for link in answer.context["starts"]] == ["Orders v1 (order.created)"]
    assert builder.get(LIST).context["page"].items[0].last_at is not None


def test_why_a_delivery_was_refused_is_told_in_the_language_of_the_page(builder: Client, endpoint: Endpoint) -> None:
    stored = endpoint_view(endpoint.public_id)
    assert stored is not None
    arrival = Arrival({"x-odd": "{reason}"}, b"{}")
    refused = SignatureInvalid(reason=said("the header {name} is missing", name="webhook-{id}\x00"))
    keep_note(Seen(stored, arrival, "refused", 401, refused.code, refused.detail))
    note = ArrivalNote.objects.get()
    assert note.detail == "The webhook's signature is not valid: the header webhook-{id}\ufffd is missing."
    german = {"accept-language": "de"}
    for place in (f"{ONE}?show=refused", f"{ONE}deliveries/{note.id}/"):
        assert "the header webhook-{id}\ufffd is missing" in builder.get(place).content.decode()
        assert "der Header webhook-{id}\ufffd fehlt" in builder.get(place, headers=german).content.decode()
    ArrivalNote.objects.update(words=None)  # by an earlier release
    assert "webhook-{id}\ufffd is missing" in builder.get(f"{ONE}?show=refused", headers=german).content.decode()


def test_receipts_are_paged(builder: Client, endpoint: Endpoint) -> None:
    for number in range(60):
        add_receipt(endpoint, "processed", f"evt-{number:02}")
    first = builder.get(ONE).context["page"]
    second = builder.get(ONE + first.next_url).context["page"]

    assert [len(first.items), len(second.items)] == [50, 10]
    assert second.items[-1].delivery_id == "evt-00"


def test_an_endpoint_is_made_with_the_signature_of_a_vendor(builder: Client) -> None:
    answer = builder.post(f"{LIST}new/", {**FORM, "way": "connector:storefront"})
    made = Endpoint.objects.get(slug="till")

    assert answer["Location"] == "/w/acme/endpoints/in/production/till/"
    assert (made.connector, made.signature["scheme"]) == ("storefront", "hmac")
    assert (made.delivery_header, made.event_header) == ("X-Fernhill-Delivery", "X-Fernhill-Topic")
    assert builder.get(f"{answer['Location']}edit/").context["form"].initial["way"] == "connector:storefront"


def test_an_own_signature_is_written_as_json(builder: Client) -> None:
    assert builder.post(f"{LIST}new/", {**FORM, "way": "own", "signature": HMAC}).status_code == 302
    assert Endpoint.objects.get(slug="till").signature["header"] == "X-Sig"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "No Slug"}, "slug"),
        ({"title": ""}, "title"),
        ({"way": "own", "signature": "{"}, "signature"),
        ({"way": "own", "signature": '{"scheme": "none"}'}, "signature"),
        ({"way": "own", "signature": '{"scheme": "hmac", "algorithm": "md5"}'}, "signature"),
        ({"way": "nonsense"}, "way"),
        ({"secret_slug": ""}, "secret_slug"),
        ({"secret_slug": "nothing"}, "secret_slug"),
        ({"delivery_header": "a b"}, "delivery_header"),
        ({"environment": "moon"}, "environment"),
        ({"slug": "shop"}, "__all__"),
    ],
    ids=["slug", "title", "not json", "not hmac", "digest", "way", "no secret", "unknown secret", "header", "place",
         "taken"],
)  # fmt: skip
def test_a_bad_form_names_its_field_and_makes_nothing(builder: Client, changes: dict[str, str], field: str) -> None:
    answer = builder.post(f"{LIST}new/", {**FORM, **changes})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert Endpoint.objects.count() == 1


def test_only_an_administrator_takes_unsigned_deliveries(builder: Client, as_role: Browsers) -> None:
    assert builder.post(f"{LIST}new/", {**FORM, "way": "none"}).status_code == 403
    assert as_role("admin").post(f"{LIST}new/", {**FORM, "way": "none"}).status_code == 302
    assert Endpoint.objects.get(slug="till").secret_slug == ""


def test_an_endpoint_is_changed_paused_and_given_a_new_address(builder: Client, endpoint: Endpoint) -> None:
    form = builder.get(f"{ONE}edit/").context["form"].initial
    builder.post(f"{ONE}edit/", {**form, "title": "The new shop"})
    builder.post(f"{ONE}pause/", {"reason": ""})
    assert (Endpoint.objects.get().title, Endpoint.objects.get().state) == ("The new shop", "active")

    builder.post(f"{ONE}pause/", {"reason": "stock taking"})
    assert Endpoint.objects.get().state == "paused"
    assert builder.post(f"{ONE}pause/", {"reason": "again"}, follow=True).status_code == 200
    builder.post(f"{ONE}resume/")
    assert Endpoint.objects.get().state == "active"

    builder.post(f"{ONE}rotate/", {"reason": "it leaked"})
    assert Endpoint.objects.get().public_id != endpoint.public_id
    assert endpoint.public_id not in builder.get(ONE).content.decode()


def test_the_page_offers_to_tell_the_vendor_and_shows_what_was_told(
    builder: Client, endpoint: Endpoint, environment: Environment, as_role: Browsers
) -> None:
    assert "Subscription" not in builder.get(ONE).content.decode()
    create_connection(environment=environment, slug="gh", connector="github", config={"owner": "octo"}, actor=SYSTEM)
    assert 'value="gh/events"' in builder.get(ONE).content.decode()
    assert 'value="gh/events"' not in as_role("viewer").get(ONE).content.decode()
    row = Subscription.objects.create(
        endpoint=endpoint, connection="gh", trigger="events", vendor_id="77", state="gone"
    )
    page = builder.get(ONE).content.decode()
    assert "gone at the vendor" in page
    assert 'value="gh/events"' in page
    Subscription.objects.filter(pk=row.pk).update(state="active")
    page = builder.get(ONE).content.decode()
    assert "the vendor delivers" in page
    assert 'value="gh/events"' not in page
    refused = builder.post(f"{ONE}delete/", follow=True).content.decode()
    assert "End the subscription first" in refused
    assert builder.post(f"{ONE}subscribe/", {"way": "gh/events"}).status_code == 302
    assert Subscription.objects.get().vendor_id == "77"


def test_a_deed_on_no_subscription_says_so(builder: Client, endpoint: Endpoint) -> None:
    for deed in ("unsubscribe/", "check/"):
        assert builder.post(f"{ONE}{deed}").status_code in (302, 404)
    assert not Subscription.objects.exists()


def test_the_test_sender_begins_with_what_the_vendor_documents(builder: Client, endpoint: Endpoint) -> None:
    """A sample of the connector, else one made of the event's schema, else an empty object."""
    assert (builder.get(ONE).context["test_body"], builder.get(ONE).context["test_event"]) == ("{}", "")
    Endpoint.objects.update(connector="github")
    shown = builder.get(ONE).context
    assert shown["test_event"] == "issues"
    assert json.loads(shown["test_body"])["issue"]["number"] == 1
    Endpoint.objects.update(connector="storefront", delivery_path="id")
    shown = builder.get(ONE).context
    made = json.loads(shown["test_body"])
    schema = connectors()["storefront"].manifest.triggers["orders"].events["order.created"].schema
    assert shown["test_event"] == "order.created"
    assert set(schema["required"]) - {"id"} <= set(made)
    assert "id" not in made
    Endpoint.objects.update(connector="not-installed")
    assert builder.get(ONE).context["test_body"] == "{}"


def test_a_client_certificate_is_pinned_by_the_form_and_shown_in_it(builder: Client) -> None:
    url, pin = f"{LIST}new/", "a1" * 32
    given = {"environment": "production", "slug": "partner", "title": "Partner", "way": "client-certificate"}
    pem = "-----BEGIN CERTIFICATE-----\nQUJDREVGR0hJSktMTU5PUFFSU1RV\n-----END CERTIFICATE-----"
    nothing: dict[str, str] = {}
    for wrong, field in (
        (nothing, "fingerprints"),
        ({"fingerprints": "a1"}, "fingerprints"),
        ({"authority": pem}, "fingerprints"),
        ({"authority": pem, "names": "a"}, "authority"),
    ):
        answer = builder.post(url, {**given, **wrong})
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert builder.post(url, {**given, "fingerprints": f"{pin}\n", "answer_status": "204"}).status_code == 302
    made = Endpoint.objects.get(slug="partner")
    assert (made.signature, made.answer_status) == ({"scheme": "client-certificate", "fingerprints": [pin]}, 204)
    edit = f"{LIST}in/production/{made.slug}/edit/"
    initial = builder.get(edit).context["form"].initial
    assert (initial["way"], initial["fingerprints"], initial["answer_status"]) == ("client-certificate", pin, 204)
    assert builder.post(edit, {**given, "fingerprints": pin, "answer_status": "200"}).status_code == 302
    made.refresh_from_db()
    assert made.answer_status == 200
