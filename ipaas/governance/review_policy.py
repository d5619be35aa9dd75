"""Which changes need other eyes, and whose: the policy of the workspace, the stewards, who may decide."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from ipaas.accounts.actors import identity_of
from ipaas.accounts.models import FlowRole, Membership, Workspace
from ipaas.accounts.roles import permissions_of
from ipaas.core.actor import Actor
from ipaas.core.document_types import document_type
from ipaas.core.errors import IpaasError
from ipaas.core.phrases import said
from ipaas.governance.models import Review
from ipaas.ownership.models import Domain
from ipaas.ownership.naming import domain_slug

Rule = Literal["none", "steward", "four_eyes"]
RULES: tuple[Rule, ...] = ("none", "steward", "four_eyes")
"""From the laxest to the strictest: nobody, a steward, a steward and one more person."""
NEEDED: Mapping[str, int] = {"none": 1, "steward": 1, "four_eyes": 2}
DEFAULT_DAYS = 14

Source = Literal["domain", "flow", "workspace", "admins", "nobody"]


class NotAReviewer(IpaasError):
    """This review is for {who}."""

    status = 403
    code = "review.not_reviewer"
    title = "Another person decides"
    remedy = "Ask one of them, or have an administrator name you a steward."


class OwnWork(IpaasError):
    """You {deed}; nobody approves their own work."""

    status = 403
    code = "review.own_work"
    title = "Another pair of eyes decides"
    remedy = "Ask another steward, or an administrator."


@dataclass(frozen=True, slots=True)
class Steward:
    """Somebody who may sign a change off; ``person`` is the identity as decisions hold it."""

    person: str
    label: str


@dataclass(frozen=True, slots=True)
class Stewards:
    """Who is asked, and why they: ``source`` says whose stewards they are, ``name`` the domain or the flow."""

    source: Source
    name: str
    people: tuple[Steward, ...]


def rule_of(workspace: Workspace, kind: str) -> Rule:
    """What the workspace asks for before a document of this kind is published."""
    rule = workspace.settings.get("review_policy", {}).get(kind, "none")
    return cast("Rule", rule) if rule in RULES else "four_eyes"


def stricter(one: str, other: str) -> bool:
    return RULES.index(cast("Rule", one)) > RULES.index(cast("Rule", other))


def days_of(workspace: Workspace) -> int:
    """How long a review waits before it expires."""
    return int(workspace.settings.get("review_days", DEFAULT_DAYS))


def bypass_allowed(workspace: Workspace) -> bool:
    return bool(workspace.settings.get("review_bypass", True))


def stewards_of(review: Review) -> Stewards:
    """The nearest who may decide, as things are now: the domain's, the flow's, the workspace's, its administrators.

    Authors of the change are left out, so that a steward's own change goes to the next in line.
    """
    barred = {one["person"] for one in review.authors}
    for source, name, members in _levels(review):
        people = tuple(Steward(f"user:{one.user_id}", one.user.email) for one in members)
        people = tuple(one for one in people if one.person not in barred)
        if people:
            return Stewards(source, name, people)
    return Stewards("nobody", "", ())


def _levels(review: Review) -> Iterable[tuple[Source, str, list[Membership]]]:
    members = Membership.objects.in_workspace(review.workspace_id).filter(user__is_active=True)
    named = _domain_named(review)
    domain = Domain.objects.in_workspace(review.workspace_id).filter(slug=named).first() if named else None
    if domain is not None:
        chosen = members.filter(stewarded_domains=domain)
        yield "domain", domain.title, [one for one in chosen if "reviews.decide" in permissions_of(one.roles)]
    if review.flow_id is not None:
        on_flow = FlowRole.objects.filter(flow_id=review.flow_id, role="steward").values("membership_id")
        yield "flow", review.slug, list(members.filter(id__in=on_flow))
    yield "workspace", "", list(members.filter(roles__contains=["steward"]))
    yield "admins", "", list(members.filter(roles__contains=["admin"]))


def _domain_named(review: Review) -> str:
    """The domain of the published version while there is one: naming another in a draft chooses no other judges."""
    kind = document_type(review.kind)
    base = kind.versions.filter(document_id=review.document_id, number=review.base_version).first()
    return domain_slug(base.content if base is not None else None) or domain_slug(review.content)


def is_steward(actor: Actor, review: Review) -> bool:
    """Whether the approval of an actor counts as the steward's. An administrator stands in for every steward."""
    person = identity_of(actor.kind, actor.id)
    return person in {one.person for one in stewards_of(review).people} or _is_admin(person, review.workspace_id)


def _is_admin(person: str, workspace_id: UUID) -> bool:
    kind, _, user_id = person.partition(":")
    rows = Membership.objects.in_workspace(workspace_id).with_role("admin")
    return kind == "user" and rows.filter(user_id=user_id).exists()


def refusal(actor: Actor, review: Review, *, steward: bool | None = None) -> IpaasError | None:
    """Why an actor may not decide this review; None when it may. Programs decide nothing."""
    person = identity_of(actor.kind, actor.id)
    if not person.startswith("user:"):
        return OwnWork(deed=said("act as a program"))
    if person in {one["person"] for one in review.authors}:
        return OwnWork(deed=said("asked for this review or made changes that it holds"))
    if steward is None:
        steward = is_steward(actor, review)
    if steward or review.rule == "four_eyes":
        return None
    return NotAReviewer(who=", ".join(one.label for one in stewards_of(review).people) or said("nobody yet"))


def told_rule(rule: str) -> Any:
    """A rule in words."""
    words = {
        "none": said("no review is needed"),
        "steward": said("a steward approves"),
        "four_eyes": said("a steward and one more person approve"),
    }
    return words[rule]
