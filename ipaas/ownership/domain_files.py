"""Domains as files: what a domain is in words that hold in another workspace too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from ipaas.accounts.models import Membership, Workspace
from ipaas.accounts.roles import permissions_of
from ipaas.core import yamlio
from ipaas.core.actor import Actor
from ipaas.core.document_forms import Finding, pointer, refuse, schema_findings
from ipaas.core.phrases import said
from ipaas.ownership.glossary import form_validator
from ipaas.ownership.models import Domain
from ipaas.ownership.services import change_domain, create_domain

KIND = "domain"
OWNER = "/owner"


@dataclass(frozen=True, slots=True)
class AppliedDomain:
    """What applying a file made of a domain: ``before`` is its content then, None for a new one."""

    before: dict[str, Any] | None
    after: dict[str, Any]
    findings: tuple[Finding, ...]


def content_of(domain: Domain) -> dict[str, Any]:
    """A domain as its file says it, empty keys left out."""
    told = {
        "kind": KIND,
        "slug": domain.slug,
        "title": domain.title,
        "description": domain.description,
        "owner": domain.owner.user.email if domain.owner else "",
        "stewards": sorted(domain.stewards.values_list("user__email", flat=True)),
    }
    return {key: value for key, value in told.items() if value}


def domain_text(domain: Domain) -> str:
    """The file of a domain; the same domain gives the same bytes."""
    return yamlio.dump(content_of(domain))


def domain_findings(content: Mapping[str, Any], workspace: Workspace) -> list[Finding]:
    """Everything wrong with a file, and who of the people it names can not be taken here."""
    found = schema_findings(form_validator(KIND), content)
    return found or [finding for _, _, finding in _people(content, workspace) if finding is not None]


@transaction.atomic
def apply_domain(*, actor: Actor, workspace: Workspace, content: Mapping[str, Any]) -> AppliedDomain:
    """Make or change a domain so that it is as its file says. Idempotent; raises ``InvalidInput``.

    People who are no members here, or may not decide reviews, are left out with a warning: a file may come from
    another workspace.
    """
    findings = domain_findings(content, workspace)
    refuse(findings)
    taken = [(path, email) for path, email, finding in _people(content, workspace) if finding is None]
    given = {
        "title": content["title"],
        "description": content.get("description", ""),
        "owner": next((email for path, email in taken if path == OWNER), ""),
        "stewards": [email for path, email in taken if path != OWNER],
    }
    present = Domain.objects.in_workspace(workspace.id).filter(slug=content["slug"]).first()
    if present is None:
        made = create_domain(workspace=workspace, actor=actor, slug=content["slug"], **given)
        return AppliedDomain(None, content_of(made), tuple(findings))
    before = content_of(present)
    changed = change_domain(domain=present, actor=actor, **given)
    return AppliedDomain(before, content_of(changed), tuple(findings))


def _people(content: Mapping[str, Any], workspace: Workspace) -> list[tuple[str, str, Finding | None]]:
    """The places and addresses of people that a file names, each with why it can not be taken."""
    wanted = [(OWNER, content["owner"])] if content.get("owner") else []
    wanted += [(pointer("stewards", number), one) for number, one in enumerate(content.get("stewards", ()))]
    rows = Membership.objects.in_workspace(workspace.id).filter(user__is_active=True).select_related("user")
    roles = {one.user.email: one.roles for one in rows}
    present = Domain.objects.in_workspace(workspace.id).filter(slug=content["slug"]).first()
    stays = set(content_of(present).get("stewards", ())) if present is not None else set()
    plain = [(path, email.strip().lower()) for path, email in wanted]
    return [(path, email, _refused(path, email, roles, stays)) for path, email in plain]


def _refused(path: str, email: str, roles: Mapping[str, list[str]], stays: set[str]) -> Finding | None:
    if email not in roles:
        message = said("{person} is not a member of this workspace and is left out", person=email)
        return Finding(path, "member.unknown", message, "warning")
    if path != OWNER and email not in stays and "reviews.decide" not in permissions_of(roles[email]):
        message = said("{person} has no role that may decide reviews and is left out", person=email)
        return Finding(path, "domain.steward", message, "warning")
    return None
