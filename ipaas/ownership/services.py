"""Deeds on domains, terms and conventions: permission, guard, change, audit, in one transaction."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Membership, Workspace
from ipaas.accounts.roles import permissions_of
from ipaas.core.actor import Actor, require_permission
from ipaas.core.drafts import valid_slug
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.ownership.conventions import CONVENTION_TYPE
from ipaas.ownership.drafting import saver_of
from ipaas.ownership.glossary import TERM_TYPE
from ipaas.ownership.models import Domain
from ipaas.ownership.naming import documents_of

MOST_STEWARDS = 20
LONGEST_SLUG = 60

save_term_draft = saver_of(TERM_TYPE)
save_convention_draft = saver_of(CONVENTION_TYPE)


@transaction.atomic
def create_domain(
    *,
    workspace: Workspace,
    actor: Actor,
    slug: str,
    title: str,
    description: str = "",
    owner: str = "",
    stewards: Sequence[str] = (),
) -> Domain:
    """Make a domain; ``owner`` and ``stewards`` are e-mail addresses of members, "" for no owner."""
    require_permission(actor, "domains.edit", workspace)
    if not valid_slug(slug) or len(slug) > LONGEST_SLUG:
        message = said("a short name is 1 to {most} small letters, digits and hyphens", most=LONGEST_SLUG)
        raise _invalid("slug", "domain.slug", message)
    if Domain.objects.in_workspace(workspace.id).filter(slug=slug).exists():
        raise Conflict(what=said("There is a domain {slug!r} already.", slug=slug))
    domain = Domain(workspace=workspace, slug=slug)
    _fill(domain, title=title, description=description, owner=owner, stewards=stewards)
    _record("domain.created", actor, domain, _told(domain))
    return domain


@transaction.atomic
def change_domain(
    *,
    domain: Domain,
    actor: Actor,
    title: str | None = None,
    description: str | None = None,
    owner: str | None = None,
    stewards: Sequence[str] | None = None,
) -> Domain:
    """Change what is given; what is None stays. The short name never changes, documents use it."""
    require_permission(actor, "domains.edit", domain)
    locked = locked_row(Domain.objects.all(), domain, "domain")
    before = _told(locked)
    _fill(
        locked,
        title=locked.title if title is None else title,
        description=locked.description if description is None else description,
        owner=before["owner"] if owner is None else owner,
        stewards=before["stewards"] if stewards is None else stewards,
        present={one.id for one in (*locked.stewards.all(), *([locked.owner] if locked.owner else ()))},
    )
    after = _told(locked)
    if after != before:
        _record("domain.changed", actor, locked, {"before": before, "after": after})
    return locked


@transaction.atomic
def delete_domain(*, domain: Domain, actor: Actor) -> None:
    """Delete a domain that no live document names any more; raises ``Conflict`` with those that do."""
    require_permission(actor, "domains.edit", domain)
    locked = locked_row(Domain.objects.all(), domain, "domain")
    named = [document.slug for document in documents_of(locked)]
    if named:
        first, more = ", ".join(named[:5]), len(named) - 5
        documents = said("{first} and {more} more", first=first, more=more) if more > 0 else first
        raise Conflict(what=said("The domain {slug} is named by {documents}.", slug=locked.slug, documents=documents))
    _record("domain.deleted", actor, locked, _told(locked))
    locked.delete()


def _fill(
    domain: Domain,
    *,
    title: str,
    description: str,
    owner: str,
    stewards: Sequence[str],
    present: set[Any] | None = None,
) -> None:
    if not title.strip() or len(title) > 120:
        raise _invalid("title", "domain.title", said("a title has 1 to 120 characters"))
    if len(description) > 10_000:
        raise _invalid("description", "domain.description", said("a description has at most 10000 characters"))
    if len(stewards) > MOST_STEWARDS:
        raise _invalid("stewards", "domain.stewards", said("a domain has at most {most} stewards", most=MOST_STEWARDS))
    domain.title, domain.description = title.strip(), description
    domain.owner = _member(domain, owner, "owner") if owner else None
    members = [_member(domain, one, f"stewards/{number}") for number, one in enumerate(stewards)]
    for number, member in enumerate(members):
        if member.id not in (present or ()) and "reviews.decide" not in permissions_of(member.roles):
            message = said("{person} has no role that may decide reviews", person=member.user.email)
            raise _invalid(f"stewards/{number}", "domain.steward", message)
    domain.save()
    domain.stewards.set(members)


def _member(domain: Domain, email: str, path: str) -> Membership:
    rows = Membership.objects.in_workspace(domain.workspace_id).filter(user__is_active=True)
    found = rows.filter(user__email=email.strip().lower()).first()
    if found is None:
        message = said("{person} is not a member of the workspace; invite the person first", person=email[:120])
        raise _invalid(path, "member.unknown", message)
    return found


def _told(domain: Domain) -> dict[str, Any]:
    return {
        "title": domain.title,
        "description": domain.description,
        "owner": domain.owner.user.email if domain.owner else "",
        "stewards": sorted(domain.stewards.values_list("user__email", flat=True)),
    }


def _record(action: str, actor: Actor, domain: Domain, details: dict[str, Any]) -> None:
    subject = ("domain", str(domain.id), domain.slug)
    audit.record(action, actor=actor, workspace_id=domain.workspace_id, subject=subject, details=details)


def _invalid(path: str, code: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": code, "message": message}])
