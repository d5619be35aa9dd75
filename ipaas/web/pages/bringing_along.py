"""Who uses a lookup or a function: mappings and other functions, and how they get its newest version."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import in_words
from ipaas.governance.bringing import Brought, bring_along, has_other_changes, users_of
from ipaas.mapping.pins import Pin
from ipaas.web.pages.documents import Context, DocumentPages
from ipaas.web.pages.support import told_error

_PERMISSION = {"mapping": "mappings", "function": "functions"}


@dataclass(frozen=True)
class UserRow:
    """``pinned``: the versions that its newest version pins, "" for none; ``name`` is what the form sends."""

    name: str
    label: str
    url: str
    pinned: str
    behind: bool
    fixed: bool
    changed: bool
    may_edit: bool


def used_by(request: WorkspaceRequest, pages: DocumentPages, document: VersionedDocument) -> Context:
    """What the card of users shows; ``bring_url`` where somebody is behind whom the reader may change."""
    rows = user_rows(request, document)
    live = any(row.behind and row.may_edit for row in rows) and not document.archived
    return {"used_by": rows, "bring_url": pages.url(request, "bring_along", document.slug) if live else ""}


def user_rows(request: WorkspaceRequest, document: VersionedDocument) -> list[UserRow]:
    """Those of them that the reader may see."""
    seen = [one for one in users_of(document) if request.actor.may(f"{_PERMISSION[one.kind]}.view")]
    return [_row(request, one, document.latest_version) for one in seen]


def _row(request: WorkspaceRequest, pin: Pin, newest: int) -> UserRow:
    slug = pin.document.slug
    behind = pin.is_behind(newest)
    return UserRow(
        name=f"{pin.kind}/{slug}",
        label=pin.document.title or slug,
        url=reverse(f"mapping:{pin.kind}_detail", args=[request.workspace.slug, slug]),
        pinned=", ".join(str(number) for number in pin.numbers),
        behind=behind,
        fixed=bool(pin.fixed),
        changed=behind and has_other_changes(pin),
        may_edit=request.actor.may(f"{_PERMISSION[pin.kind]}.edit"),
    )


def bring(request: WorkspaceRequest, pages: DocumentPages, slug: str) -> HttpResponse:
    """Have those that were ticked use the newest version, and say of each what became of it."""
    document = pages.document(request, slug)
    try:
        _tell(request, bring_along(document=document, actor=request.actor, to=request.POST.getlist("to")))
    except (Conflict, InvalidInput) as error:
        messages.error(request, told_error(error))
    return redirect(pages.url(request, "detail", slug))


def _tell(request: WorkspaceRequest, found: list[Brought]) -> None:
    published = [one.title for one in found if one.outcome == "published"]
    waiting = [one.title for one in found if one.outcome == "review"]
    if published:
        text = ngettext("{names} uses the new version.", "{names} use the new version.", len(published))
        messages.success(request, text.format(names=", ".join(published)))
    if waiting:
        text = ngettext("{names} waits for a review.", "{names} wait for a review.", len(waiting))
        messages.success(request, text.format(names=", ".join(waiting)))
    for one in found:
        if one.problem:
            messages.warning(request, f"{one.title}: {in_words(one.problem)}")
    if not found:
        messages.info(request, _("Nothing to bring along."))
