"""What waits for whom, in few queries however much waits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from ipaas.accounts.actors import identity_of
from ipaas.accounts.models import FlowRole, Membership
from ipaas.accounts.roles import permissions_of
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.document_types import document_type
from ipaas.governance.models import Review
from ipaas.ownership.models import Domain
from ipaas.ownership.naming import domain_slug

MOST = 1_000


def waiting_for(actor: Actor) -> list[Review]:
    """Undecided reviews in which an actor has a say as things are now, the longest waiting first.

    The same as asking ``refusal`` for each (a test holds that), without asking the database for each. An administrator
    stands in for every steward, but is asked only where nobody nearer is.
    """
    person = identity_of(actor.kind, actor.id)
    if not person.startswith("user:"):
        return []
    rows = Review.objects.visible_to(actor).filter(state=Review.State.IN_REVIEW, expires_at__gt=now())
    rows = rows.exclude(decisions__person=person).defer("settled", "text").order_by("id")
    found = [one for one in rows[:MOST] if person not in {author["person"] for author in one.authors}]
    asked = asked_people(found)
    return [one for one in found if person in asked[one.id] or one.rule == "four_eyes"]


def asked_people(reviews: Iterable[Review]) -> Mapping[UUID, set[str]]:
    """The nearest stewards of each review, authors left out: what ``stewards_of`` says, for many at once."""
    rows = list(reviews)
    if not rows:
        return {}
    members = list(Membership.objects.in_workspace(rows[0].workspace_id).filter(user__is_active=True))
    people = {one.id: f"user:{one.user_id}" for one in members}
    able = {one.id for one in members if "reviews.decide" in permissions_of(one.roles)}
    by_role = {role: {people[one.id] for one in members if role in one.roles} for role in ("steward", "admin")}
    domains: dict[str, set[str]] = defaultdict(set)
    stewards = Domain.stewards.through.objects.filter(domain__workspace_id=rows[0].workspace_id)
    for slug, member_id in stewards.values_list("domain__slug", "membership_id"):
        if member_id in able:
            domains[slug].add(people[member_id])
    flows: dict[UUID, set[str]] = defaultdict(set)
    wanted = {one.flow_id for one in rows if one.flow_id is not None}
    for flow_id, member_id in FlowRole.objects.filter(flow_id__in=wanted, role="steward").values_list(
        "flow_id", "membership_id"
    ):
        if member_id in people:
            flows[flow_id].add(people[member_id])
    bases = _base_domains(rows)
    found = {}
    for one in rows:
        barred = {author["person"] for author in one.authors}
        named = bases.get(one.id) or domain_slug(one.content)
        of_flow = flows.get(one.flow_id, set()) if one.flow_id is not None else set()
        levels = (domains.get(named, set()), of_flow, by_role["steward"], by_role["admin"])
        found[one.id] = next((level - barred for level in levels if level - barred), set())
    return found


def _base_domains(reviews: list[Review]) -> dict[UUID, str]:
    """The domain that the published version of each names; one query for each kind."""
    found: dict[UUID, str] = {}
    for kind in {one.kind for one in reviews}:
        own = {(one.document_id, one.base_version): one.id for one in reviews if one.kind == kind}
        rows = document_type(kind).versions.filter(document_id__in={document_id for document_id, _ in own})
        for document_id, number, named in rows.values_list("document_id", "number", "content__domain"):
            if (document_id, number) in own and isinstance(named, str):
                found[own[document_id, number]] = named
    return found
