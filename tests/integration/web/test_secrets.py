"""Pages of the vault: values go in and never come out, whatever goes wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Workspace
from ipaas.accounts.roles import ROLES
from ipaas.audit.models import AuditEntry
from ipaas.audit.recording import entry_row, record_rows
from ipaas.catalog.models import Connection
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.opening import open_secret
from ipaas.vault.services import create_secret
from tests.integration.web.conftest import VALUE, Browsers

LIST = "/w/acme/vault/"
NEW = f"{LIST}new/"
ONE = f"{LIST}secrets/pay-key/"
PAGES = {LIST: "secrets.view", ONE: "secrets.view", NEW: "secrets.write", f"{NEW}?for=payments": "secrets.write"}
DEEDS = {f"{ONE}versions/": ("secrets.rotate", 422), f"{ONE}versions/1/revoke/": ("secrets.write", 302),
         f"{ONE}change/": ("secrets.write", 302), f"{ONE}delete/": ("secrets.write", 302)}  # fmt: skip
OTHER_VALUE = "another-value-never-shown"


@pytest.fixture
def admin(as_role: Browsers, secret: Secret) -> Client:
    return as_role("admin")


def told(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def value_of(secret: Secret) -> dict[str, str]:
    return dict(open_secret(secret.workspace_id, secret.slug, purpose="test", flow_label=""))


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(as_role: Browsers, secret: Secret, role: str, url: str) -> None:
    answer = as_role(role).get(url)

    assert answer.status_code == (200 if PAGES[url] in ROLES[role] else 403)
    assert VALUE not in answer.content.decode()


@pytest.mark.parametrize("url", DEEDS)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_deed_is_for_those_with_its_permission(as_role: Browsers, secret: Secret, role: str, url: str) -> None:
    permission, allowed = DEEDS[url]

    assert as_role(role).post(url).status_code == (allowed if permission in ROLES[role] else 403)


@pytest.mark.parametrize("url", [*PAGES, *DEEDS])
def test_a_stranger_finds_nothing(stranger: Client, secret: Secret, url: str) -> None:
    method = stranger.post if url in DEEDS else stranger.get

    assert method(url).status_code == 404
    if "pay-key" in url:
        assert method(url.replace("/w/acme/", "/w/globex/")).status_code == 404


def test_what_a_secret_is_for_decides_its_fields(admin: Client) -> None:
    assert admin.get(NEW).context["form"] is None
    oauth = admin.get(NEW, {"for": "payments:oauth"}).context["form"]
    assert [field.label for field in oauth.values] == ["Client id", "Client secret"]
    own = admin.get(NEW, {"for": "own", "names": "user, pin"}).context["form"]
    assert [field.label for field in own.values] == ["user", "pin"]


@pytest.mark.parametrize("names", ["Not A Name", "a" * 90, "a," * 30, "1st", ","])
def test_wrong_field_names_are_refused(admin: Client, names: str) -> None:
    answer = admin.get(NEW, {"for": "own", "names": names})

    assert answer.context["form"] is None
    assert answer.status_code == 422


def test_a_secret_is_written(admin: Client, workspace: Workspace) -> None:
    filled = {
        "slug": "vendor",
        "description": "Key of the vendor",
        "value__token": f" {VALUE} ",
        "expires_on": "2031-05-01",
    }
    answer = admin.post(f"{NEW}?for=payments:api-key", filled, follow=True)
    made = Secret.objects.get(slug="vendor")

    assert answer.redirect_chain[-1][0] == f"{LIST}secrets/vendor/"
    assert VALUE not in answer.content.decode()
    assert value_of(made) == {"token": f" {VALUE} "}
    assert made.expires_at == datetime(2031, 5, 1, tzinfo=UTC)
    assert VALUE not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_a_signing_secret_is_of_that_kind(admin: Client) -> None:
    admin.post(f"{NEW}?for=signing", {"slug": "hook", "value__signing_secret": VALUE})

    assert Secret.objects.get(slug="hook").kind == "signing"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Bad Name"}, "slug"),
        ({"slug": "pay-key"}, "__all__"),
        ({"slug": ""}, "slug"),
        ({"value__token": ""}, "value__token"),
        ({"value__token": f"{VALUE}\x00"}, "value__token"),
        ({"value__token": VALUE + "x" * 40_000}, "value__token"),
        ({"expires_on": "tomorrow"}, "expires_on"),
        ({"description": VALUE + "x" * 400}, "description"),
    ],
    ids=["slug", "taken", "no-slug", "no-value", "nul", "too-long", "date", "description"],
)
def test_a_refused_secret_echoes_no_value(admin: Client, change: dict[str, str], field: str) -> None:
    filled = {"slug": "vendor", "value__token": VALUE, **change}
    answer = admin.post(f"{NEW}?for=payments:api-key", filled)
    page = answer.content.decode()

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert VALUE not in page.replace(change.get("description", "\x00"), "")
    assert not Secret.objects.filter(slug="vendor").exists()


def test_a_new_version_takes_the_place_of_the_old(admin: Client, secret: Secret) -> None:
    answer = admin.post(f"{ONE}versions/", {"value__token": OTHER_VALUE}, follow=True)

    assert OTHER_VALUE not in answer.content.decode()
    assert value_of(secret) == {"token": OTHER_VALUE}
    old = SecretVersion.objects.get(number=1)
    assert (old.state, bytes(old.wrapped_key)) == ("retired", b"")


def test_a_signing_secret_overlaps(admin: Client, workspace: Workspace) -> None:
    create_secret(workspace=workspace, slug="hook", fields={"signing_secret": VALUE}, actor=SYSTEM, kind="signing")
    admin.post(f"{LIST}secrets/hook/versions/", {"value__signing_secret": OTHER_VALUE, "overlap": "3600"})
    old = SecretVersion.objects.get(secret__slug="hook", number=1)

    assert old.accept_until is not None
    assert "Retired still accepted" in admin.get(f"{LIST}secrets/hook/").content.decode()


def test_an_empty_version_is_refused(admin: Client, secret: Secret) -> None:
    answer = admin.post(f"{ONE}versions/", {"value__token": "", "value__other": OTHER_VALUE})

    assert answer.status_code == 422
    assert OTHER_VALUE not in answer.content.decode()
    assert secret.versions.count() == 1


def test_a_version_is_revoked_with_a_reason(admin: Client, secret: Secret) -> None:
    assert "say why" in told(admin.post(f"{ONE}versions/1/revoke/", {"reason": " \x00"}, follow=True))
    answer = admin.post(f"{ONE}versions/1/revoke/", {"reason": "leaked"}, follow=True)

    assert "No live version" in answer.content.decode()
    assert AuditEntry.objects.get(action="secret.version_revoked").details["reason"] == "leaked"


@pytest.mark.parametrize("number", ["0", "9", "99999999999999999999999"])
def test_revoking_no_version_is_said(admin: Client, number: str) -> None:
    assert "no version" in told(admin.post(f"{ONE}versions/{number}/revoke/", {"reason": "x"}, follow=True))


def test_what_is_known_of_a_secret_is_changed(admin: Client, secret: Secret) -> None:
    admin.post(f"{ONE}change/", {"description": "Live key", "expires_on": "2020-01-01"})
    secret.refresh_from_db()

    assert secret.description == "Live key"
    assert "It has expired" in admin.get(ONE).content.decode()
    assert admin.post(f"{ONE}change/", {"expires_on": "soon"}).status_code == 422


def test_a_secret_in_use_is_not_deleted(admin: Client, connection: Connection, secret: Secret) -> None:
    assert "connection payments (production)" in told(admin.post(f"{ONE}delete/", follow=True))
    assert Secret.objects.exists()
    connection.delete()
    assert admin.post(f"{ONE}delete/").headers["Location"] == LIST
    assert not Secret.objects.exists()


def read_by(secret: Secret, *flows: str, reads: int, days_ago: int = 0) -> None:
    details = {"version": 1, "reads": reads, "flows": list(flows), "purposes": ["gateway"]}
    subject = ("secret", secret.id, secret.slug)
    row = entry_row("secret.read", actor=SYSTEM, workspace_id=secret.workspace_id, subject=subject, details=details)
    record_rows([row._replace(created_at=now() - timedelta(days=days_ago))])


def test_who_read_a_secret_is_counted(admin: Client, secret: Secret) -> None:
    read_by(secret, "order", reads=3)
    read_by(secret, "order", "refund", reads=2)
    read_by(secret, reads=7)
    read_by(secret, "order", reads=100, days_ago=8)
    reads = {reader: count for _, reader, count in admin.get(ONE).context["reads"]}

    assert reads == {"flow order": 5, "flow refund": 2, "gateway": 7}
    assert admin.get(LIST).context["page"].items[0].last_read_at is not None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["a-old", "b-soon", "pay-key"]),
        ({"order": "expiry"}, ["b-soon", "a-old", "pay-key"]),
        ({"order": "age"}, ["pay-key", "a-old", "b-soon"]),
        ({"order": "\x00"}, ["a-old", "b-soon", "pay-key"]),
        ({"q": "SOON"}, ["b-soon"]),
        ({"q": "nothing\x00"}, []),
        ({"page": "x"}, ["a-old", "b-soon", "pay-key"]),
        ({"page": "999"}, ["a-old", "b-soon", "pay-key"]),
    ],
    ids=["name", "expiry", "age", "unknown-order", "search", "none", "bad-page", "late-page"],
)
def test_the_list_is_ordered_and_searched(
    admin: Client, workspace: Workspace, query: dict[str, str], expected: list[str]
) -> None:
    for days, slug in ((300, "a-old"), (5, "b-soon")):
        create_secret(
            workspace=workspace, slug=slug, fields={"x": "y"}, actor=SYSTEM, expires_at=now() + timedelta(days=days)
        )

    assert [row.slug for row in admin.get(LIST, query).context["page"].items] == expected


def test_a_long_list_has_pages(admin: Client, workspace: Workspace) -> None:
    Secret.objects.bulk_create([Secret(workspace=workspace, slug=f"s-{number:03}") for number in range(30)])
    first = admin.get(LIST).context["page"]

    assert (len(first.items), first.next_url, first.previous_url) == (25, "?page=2", "")
    assert len(admin.get(LIST + first.next_url).context["page"].items) == 6
