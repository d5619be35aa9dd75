"""Filters of the list of runs that somebody keeps under a name, for themselves or for everybody in the workspace."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from ipaas import audit
from ipaas.accounts.models import ApiKey
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.runtime.models import SavedFilter
from ipaas.runtime.run_queries import PARAMETERS, run_filter_or_refuse

MOST_OF_ONE = 50
MOST_NAME = 80
MOST_QUERY = 2000


def owner_of(actor: Actor) -> str:
    """Whose filters an actor's are: a key's are those of its owner."""
    if actor.kind in ("api_key", "service"):
        found = ApiKey.objects.filter(id=actor.id).values_list("owner_id", "service_account_id").first()
        owner = next((one for one in found or () if one is not None), None)
        if owner is not None:
            return str(owner)
    return actor.id


def filters_of(actor: Actor) -> QuerySet[SavedFilter]:
    """The filters that an actor sees: its own and those that are shared."""
    mine = Q(owner_id=owner_of(actor)) | Q(shared=True)
    return SavedFilter.objects.filter(mine, workspace_id__in=[actor.workspace_id])


def filter_named(actor: Actor, name: str) -> SavedFilter:
    """A filter by its name, the actor's own before a shared one; raises ``NotFound``."""
    owner, found = owner_of(actor), list(filters_of(actor).filter(name=name))
    if not found:
        raise NotFound(what=f"saved filter {name[:MOST_NAME]!r}")
    return next((one for one in found if one.owner_id == owner), found[0])


@transaction.atomic
def save_filter(*, actor: Actor, name: str, query: Mapping[str, str], shared: bool = False) -> SavedFilter:
    """Keep a filter under a name; one of the same name that the actor has is replaced."""
    require_permission(actor, "runs.view", actor.workspace_id)
    if actor.workspace_id is None:
        raise NotFound(what="workspace")
    name = name.replace("\x00", "").strip()
    if not 0 < len(name) <= MOST_NAME:
        raise _invalid("name", said("give a name of up to {most} characters", most=MOST_NAME))
    kept = {key: text for key in PARAMETERS if (text := query.get(key, "").replace("\x00", "").strip())}
    if not kept:
        raise _invalid("query", said("set at least one condition first; a filter without any shows every run"))
    run_filter_or_refuse(actor, kept)
    text = urlencode(kept)
    if len(text) > MOST_QUERY:
        raise _invalid("query", said("the filter is longer than {most} characters", most=MOST_QUERY))
    owner = owner_of(actor)
    mine = SavedFilter.objects.filter(workspace_id=actor.workspace_id, owner_id=owner)
    if mine.exclude(name=name).count() >= MOST_OF_ONE:
        raise Conflict(what=said("There are {most} saved filters already; delete one first.", most=MOST_OF_ONE))
    found, _ = SavedFilter.objects.update_or_create(
        workspace_id=actor.workspace_id,
        owner_id=owner,
        name=name,
        defaults={"query": text, "shared": shared, "owner_label": actor.label[:200]},
    )
    _record("filter.saved", actor, found)
    return found


@transaction.atomic
def delete_filter(*, actor: Actor, filter_id: UUID) -> None:
    """Forget a filter: one's own; somebody who may change settings also removes one that is shared."""
    require_permission(actor, "runs.view", actor.workspace_id)
    found = filters_of(actor).filter(id=filter_id).first()
    if found is None or not may_delete(actor, found):
        raise NotFound(what="saved filter")
    _record("filter.deleted", actor, found)
    found.delete()


def may_delete(actor: Actor, found: SavedFilter) -> bool:
    return found.owner_id == owner_of(actor) or (found.shared and actor.may("settings.edit"))


def _record(action: str, actor: Actor, found: SavedFilter) -> None:
    details = {"query": found.query, "shared": found.shared}
    subject = ("filter", found.id, found.name)
    audit.record(action, actor=actor, workspace_id=found.workspace_id, subject=subject, details=details)


def _invalid(path: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": f"filter.{path}", "message": message}])
