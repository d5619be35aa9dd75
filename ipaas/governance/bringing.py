"""A new version of a lookup or a function reaches the mappings and functions that pin it, one level at a time.

A published version keeps what it pins. To bring a user along is to give it a version that differs in nothing but that
pin, and that goes its own way: through its tests, its review where the policy asks for one, and to the deployments
that follow it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import difference
from ipaas.core.document_types import document_type, document_type_of
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, PermissionDenied
from ipaas.core.phrases import said
from ipaas.core.references import reference_to
from ipaas.core.yaml_edit import Edit, edited
from ipaas.flows.yaml_form import written
from ipaas.governance.following import uses_of
from ipaas.governance.review_policy import rule_of
from ipaas.governance.reviews import only_pins
from ipaas.governance.services import apply_document
from ipaas.mapping.pins import KEYS, Pin, pins_of

Applying = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a user: ``published``, in ``review``, ``draft`` (changed, not published) or ``left`` as it was.

    ``problem`` says why it got no further; ``version`` and ``review`` are what it got.
    """

    kind: str
    slug: str
    title: str
    outcome: str
    version: int | None = None
    review: UUID | None = None
    problem: str = ""


def users_of(document: VersionedDocument) -> list[Pin]:
    """The live mappings and functions that name a lookup or a function."""
    return pins_of(document.workspace_id, document_type_of(document).kind, document.slug)


def has_other_changes(pin: Pin) -> bool:
    """Whether the draft of a user says more than its newest version, pins and what is kept aside apart."""
    draft, aside = pin.document.draft, document_type(pin.kind).aside
    if draft is None or pin.newest is None:
        return draft is not None
    before, after = (
        {key: value for key, value in content.items() if key not in aside}
        for content in (written(pin.newest).content, draft)
    )
    return any(not only_pins(one) for one in difference(before, after))


@transaction.atomic
def bring_along(*, document: VersionedDocument, actor: Actor, to: Collection[str] | None = None) -> list[Brought]:
    """Have the users of a lookup or a function use its newest version; idempotent.

    ``to``: ``mapping/slug`` or ``function/slug`` of those that are meant, None for all that are behind. A draft with
    other changes is left alone: it takes the version when it is published. Raises ``InvalidInput`` for a name that
    does not use it, ``Conflict`` without a published version.
    """
    kind = document_type_of(document)
    require_permission(actor, f"{kind.permission}.view", document)
    newest = kind.versions.of(document.workspace_id, document.slug)
    if document.archived or newest is None:
        raise Conflict(what=said("{slug} has no published version to bring along.", slug=document.slug))
    pins = {f"{one.kind}/{one.document.slug}": one for one in users_of(document) if one.numbers}
    if unknown := sorted(set(to or ()) - set(pins)):
        message = said("{name} does not use {slug}", name=unknown[0], slug=document.slug)
        raise InvalidInput([{"path": "to", "code": "pin.unknown", "message": message}])
    chosen = [one for name, one in pins.items() if to is None or name in to]
    reference = reference_to(document.slug, newest.number)
    behind = [one for one in chosen if one.is_behind(newest.number)]
    return [_brought(one, KEYS[kind.kind], reference, actor) for one in behind]


def _brought(pin: Pin, key: str, reference: str, actor: Actor) -> Brought:
    user = pin.document
    told: Applying = {"kind": pin.kind, "slug": user.slug, "title": user.title}
    if not actor.may(f"{document_type(pin.kind).permission}.edit"):
        return Brought(**told, outcome="left", problem=said("you may not change it"))
    if user.draft is None or has_other_changes(pin):
        words = said("its draft has other changes; publish it, and it takes the new version")
        return Brought(**told, outcome="left", problem=words)
    workspace = Workspace.objects.get(id=user.workspace_id)
    given: Applying = {"actor": actor, "workspace": workspace, "note": said("with {reference}", reference=reference)}
    try:
        given |= _source(pin, key, reference)
        with transaction.atomic():
            done = apply_document(**given, bring=_following(user, pin.kind, actor, workspace))
    except (InvalidInput, Conflict, PermissionDenied) as error:
        return _only_drafted(told, pin, given, error)
    review = done.review.id if done.review else None
    version = done.version.number if done.version else None
    return Brought(**told, outcome="review" if review else "published", version=version, review=review)


def _source(pin: Pin, key: str, reference: str) -> Applying:
    """The draft with the numbers that it says replaced; as it is where it says none."""
    draft, text = pin.document.draft or {}, pin.document.draft_text
    if text:
        return {"text": edited(text, [Edit("set", (key, name), reference) for name in pin.fixed])}
    return {"content": {**draft, key: {**draft.get(key, {}), **dict.fromkeys(pin.fixed, reference)}}}


def _only_drafted(told: Applying, pin: Pin, given: Applying, error: IpaasError) -> Brought:
    """What could not be published stays as a draft where that says the number; a test that fails is seen there."""
    problem = str(error.errors[0]["message"]) if isinstance(error, InvalidInput) and error.errors else error.detail
    if not pin.fixed or not {"text", "content"} & set(given):
        return Brought(**told, outcome="left", problem=problem)
    try:
        with transaction.atomic():
            apply_document(**given, publish_it=False)
    except (InvalidInput, Conflict, PermissionDenied):
        return Brought(**told, outcome="left", problem=problem)
    return Brought(**told, outcome="draft", problem=problem)


def _following(user: VersionedDocument, kind: str, actor: Actor, workspace: Workspace) -> list[str] | None:
    """The deployments that follow a mapping which is published at once; a review says its own."""
    if rule_of(workspace, kind) != "none" and not actor.is_system:
        return None
    uses = [one.deployment for one in uses_of(user, base=user.latest_version) if one.suggested]
    free = actor.is_system or rule_of(workspace, "flow") == "none"
    return [str(one.id) for one in uses if free and actor.may("flows.publish", one.flow_id)]
