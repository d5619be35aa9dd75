"""Domains: who may make them, who can be a steward, what keeps one from being deleted."""

import pytest

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.governance.services import apply_document, check_document
from ipaas.ownership.models import Domain
from ipaas.ownership.services import change_domain, create_domain, delete_domain
from tests.factories.flow_documents import mapping
from tests.factories.people import make_actor, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


def test_an_administrator_makes_and_changes_a_domain_and_the_audit_says_what(workspace: Workspace) -> None:
    admin = make_actor(workspace, "alice@example.com", "admin")
    make_member(workspace, "bob@example.com", "steward")

    made = create_domain(workspace=workspace, actor=admin, slug="sales", title="Sales", stewards=["BOB@example.com"])
    changed = change_domain(domain=made, actor=admin, title="Sales and orders", owner="alice@example.com", stewards=[])
    change_domain(domain=changed, actor=admin)

    kept = Domain.objects.named(workspace.id, "sales")
    assert (kept.title, kept.owner and kept.owner.user.email, list(kept.stewards.all())) == (
        "Sales and orders",
        "alice@example.com",
        [],
    )
    entries = AuditEntry.objects.filter(subject_type="domain").order_by("id")
    assert [entry.action for entry in entries] == ["domain.created", "domain.changed"]
    assert entries[1].details["before"]["stewards"] == ["bob@example.com"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"slug": "Sales"}, "domain.slug"),
        ({"title": " "}, "domain.title"),
        ({"owner": "nobody@example.com"}, "member.unknown"),
        ({"stewards": ["eve@example.com"]}, "domain.steward"),
    ],
)
def test_what_can_not_be_is_told_with_its_place(workspace: Workspace, given: dict[str, object], code: str) -> None:
    make_member(workspace, "eve@example.com", "operator")
    with pytest.raises(InvalidInput) as raised:
        create_domain(**{"workspace": workspace, "actor": SYSTEM, "slug": "sales", "title": "Sales", **given})  # type: ignore[arg-type]
    assert [error["code"] for error in raised.value.errors] == [code]


def test_stewards_make_no_domains_and_strangers_see_none(workspace: Workspace) -> None:
    steward = make_actor(workspace, "bob@example.com", "steward")
    with pytest.raises(PermissionDenied):
        create_domain(workspace=workspace, actor=steward, slug="sales", title="Sales")
    made = create_domain(workspace=workspace, actor=SYSTEM, slug="sales", title="Sales")
    with pytest.raises(Conflict):
        create_domain(workspace=workspace, actor=SYSTEM, slug="sales", title="Sales")
    other = Workspace.objects.create(slug="globex", name="Globex")
    with pytest.raises(NotFound):
        change_domain(domain=made, actor=make_actor(other, "charlie@example.com", "admin"), title="Mine")


def test_a_domain_goes_only_when_no_live_document_names_it(workspace: Workspace) -> None:
    content = {**mapping(), "domain": "sales"}
    found = check_document(actor=SYSTEM, workspace=workspace, content=content)
    assert [(one.path, one.code, one.severity) for one in found] == [("/domain", "domain.unknown", "warning")]

    domain = create_domain(workspace=workspace, actor=SYSTEM, slug="sales", title="Sales")
    assert check_document(actor=SYSTEM, workspace=workspace, content=content) == []
    apply_document(actor=SYSTEM, workspace=workspace, content=content)
    with pytest.raises(Conflict, match=content["slug"]):
        delete_domain(domain=domain, actor=SYSTEM)
    apply_document(actor=SYSTEM, workspace=workspace, content=mapping())
    delete_domain(domain=domain, actor=SYSTEM)
    assert not Domain.objects.exists()
