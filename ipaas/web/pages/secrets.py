"""The vault: secrets are written, replaced, revoked and deleted here; no view reads a value."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, F, Max, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.audit.models import AuditEntry
from ipaas.core.clock import now
from ipaas.vault import services
from ipaas.vault.models import Secret, SecretVersion, StoreKind
from ipaas.vault.stores import WRITABLE, chosen_kind
from ipaas.web.build_readmodels import SecretRow
from ipaas.web.pages.connection_rows import unended_of
from ipaas.web.pages.secret_forms import (
    KINDS,
    OWN,
    STORES,
    ChangeForm,
    SecretForm,
    VersionForm,
    field_of,
    moment_of,
    purpose_of,
    purposes,
)
from ipaas.web.pages.secret_rules import RegisterForm, rules_context, secret_of
from ipaas.web.pages.support import asked, form_errors, known_version, options, posted, told, with_query
from ipaas.web.pages.users_of_documents import names_of_places, secret_rows
from ipaas.web.readmodels import CursorPage, Link

PAGE_SIZE = 25
READ_WINDOW = timedelta(days=7)
MOST_READ_ENTRIES = 5000
ORDERS = {
    "name": gettext_noop("By name"),
    "expiry": gettext_noop("Expires soonest"),
    "age": gettext_noop("Oldest value first"),
    "rotation": gettext_noop("Rotate soonest"),
}


@require_GET
@page("secrets.view")
def secret_list(request: WorkspaceRequest) -> HttpResponse:
    search, order = asked(request, "q"), asked(request, "order", "name")
    found = Secret.objects.in_workspace(request.workspace.id)
    if search:
        found = found.filter(Q(slug__icontains=search) | Q(description__icontains=search))
    pages = Paginator(_ordered(found, order), PAGE_SIZE)
    shown = pages.get_page(request.GET.get("page"))
    url = reverse("vault:secret_list", args=[request.workspace.slug])
    context = {
        "page": CursorPage(
            _rows(request, list(shown)),
            ngettext("{count} secret", "{count} secrets", pages.count).format(count=pages.count),
            next_url=with_query(request, page=shown.next_page_number()) if shown.has_next() else "",
            previous_url=with_query(request, page=shown.previous_page_number()) if shown.has_previous() else "",
            next_label=_("Next"),
            previous_label=_("Previous"),
        ),
        "filters": {
            "q": search,
            "order": options({key: _(label) for key, label in ORDERS.items()}, order),
            "clear_url": url if request.GET else "",
        },
        "new_url": reverse("vault:secret_new", args=[request.workspace.slug])
        if request.actor.may("secrets.write")
        else "",
    }
    return render(request, "vault/secret_list.html", context)


@require_GET
@page("secrets.view")
def secret_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    return _detail(request, secret_of(request, slug))


@require_http_methods(["GET", "HEAD", "POST"])
@page("secrets.write")
def secret_new(request: WorkspaceRequest) -> HttpResponse:
    """``?for=`` says what it is for, hence its fields; without it that is asked first."""
    chosen, names = asked(request, "for"), asked(request, "names")
    purpose = purpose_of(chosen, names)
    form = SecretForm(request.POST if request.method == "POST" else None, purpose=purpose) if purpose else None
    if purpose and form and request.method == "POST" and form.is_valid():
        with form_errors(form, field_of):
            secret = services.create_secret(
                workspace=request.workspace,
                slug=form.cleaned_data["slug"],
                fields=form.given_values(),
                actor=request.actor,
                kind=purpose.kind,
                description=form.cleaned_data["description"],
                expires_at=moment_of(form.cleaned_data["expires_on"]),
            )
            return redirect("vault:secret_detail", request.workspace.slug, secret.slug)
    store = chosen_kind(request.workspace.id)
    wrong_names = chosen == OWN and bool(names) and purpose is None
    context = {
        "form": form,
        "crumbs": _crumbs(request),
        "purposes": options(
            {
                "": _("Choose …"),
                **{one.key: one.title for one in purposes()},
                OWN: _("Something else: own field names"),
            },
            purpose.key if purpose else chosen,
        ),
        "own": chosen == OWN,
        "names": names,
        "names_error": [_("Write lower-case names with letters, digits and underscores, at most 20.")]
        if wrong_names
        else [],
        "cancel_url": reverse("vault:secret_list", args=[request.workspace.slug]),
        "store": _(STORES[store]),
        "register_form": RegisterForm() if store not in (StoreKind.BUILTIN, StoreKind.TRANSIT) else None,
        "register_url": reverse("vault:secret_register", args=[request.workspace.slug]),
        "may_enter": store in WRITABLE,
    }
    status = 422 if wrong_names or (form and form.errors) else 200
    return render(request, "vault/secret_form.html", context, status=status)


@require_POST
@page("secrets.rotate")
def secret_version_new(request: WorkspaceRequest, slug: str) -> HttpResponse:
    secret = secret_of(request, slug)
    form = VersionForm(request.POST, secret=secret, names=_field_names(secret))
    if form.is_valid():
        with form_errors(form, field_of):
            services.put_version(
                secret=secret,
                fields=form.given_values(),
                actor=request.actor,
                overlap=form.overlap_given(),
                expires_at=moment_of(form.cleaned_data["expires_on"]),
                after=known_version(request),
            )
            return redirect("vault:secret_detail", request.workspace.slug, slug)
    return _detail(request, secret, form)


@require_POST
@page("secrets.write")
def secret_version_revoke(request: WorkspaceRequest, slug: str, number: int) -> HttpResponse:
    secret = secret_of(request, slug)
    with told(request, _("Version {number} is revoked and wiped.").format(number=number)):
        services.revoke_version(secret=secret, number=number, actor=request.actor, reason=posted(request, "reason"))
    return redirect("vault:secret_detail", request.workspace.slug, slug)


@require_POST
@page("secrets.write")
def secret_change(request: WorkspaceRequest, slug: str) -> HttpResponse:
    secret = secret_of(request, slug)
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _detail(request, secret, change_form=form)
    with told(request, _("Changed.")):
        services.change_secret(
            secret=secret,
            description=form.cleaned_data["description"],
            expires_at=moment_of(form.cleaned_data["expires_on"]),
            actor=request.actor,
        )
    return redirect("vault:secret_detail", request.workspace.slug, slug)


@require_POST
@page("secrets.write")
def secret_delete(request: WorkspaceRequest, slug: str) -> HttpResponse:
    secret = secret_of(request, slug)
    with told(request, _("The secret {slug} is deleted.").format(slug=slug)):
        services.delete_secret(secret=secret, actor=request.actor)
        return redirect("vault:secret_list", request.workspace.slug)
    return redirect("vault:secret_detail", request.workspace.slug, slug)


def _detail(
    request: WorkspaceRequest, secret: Secret, form: VersionForm | None = None, change_form: ChangeForm | None = None
) -> HttpResponse:
    actor = request.actor
    place = [request.workspace.slug, secret.slug]
    may_rotate, may_write = actor.may("secrets.rotate"), actor.may("secrets.write")
    if secret.kind == Secret.Kind.LOGIN and not actor.may("settings.edit"):
        may_rotate = may_write = False
    may_rotate = may_rotate and secret.store in WRITABLE
    names = _field_names(secret)
    initial = {"description": secret.description, "expires_on": secret.expires_at and secret.expires_at.date()}
    context = {
        "secret": _rows(request, [secret])[0],
        "crumbs": _crumbs(request),
        "versions": [_version(version, place, may_write=may_write) for version in secret.versions.all()],
        "reads": _reads(secret),
        "field_names": names,
        "form": form or (VersionForm(secret=secret, names=names) if may_rotate else None),
        "version_url": reverse("vault:secret_version_new", args=place) if may_rotate else "",
        "change_form": change_form or ChangeForm(initial=initial),
        "change_url": reverse("vault:secret_change", args=place) if may_write else "",
        "delete_url": reverse("vault:secret_delete", args=place) if may_write else "",
    }
    context |= {**rules_context(request, secret), "unended": unended_of(secret)}
    failed = (form is not None and form.errors) or change_form is not None
    return render(request, "vault/secret_detail.html", context, status=422 if failed else 200)


def _field_names(secret: Secret) -> list[str]:
    """The fields of the newest version: the next one has the same."""
    newest = secret.versions.order_by("-number").first()
    return list(newest.field_names) if newest else []


def _version(version: SecretVersion, place: Sequence[str], *, may_write: bool) -> dict[str, Any]:
    wiped = not version.is_held
    accepted = version.accept_until is not None and version.accept_until > now()
    state = {"live": "active", "retired": "retired_still_accepted" if accepted else "retired"}.get(
        version.state, version.state
    )
    return {
        "number": version.number,
        "state": state,
        "accept_until": version.accept_until if accepted else None,
        "created_at": version.created_at,
        "created_by": version.created_by,
        "key": _key_of(version),
        "collect_url": reverse("vault:secret_collect", args=[*place, version.number])
        if may_write and version.handover
        else "",
        "revoke_url": reverse("vault:secret_version_revoke", args=[*place, version.number])
        if may_write and not wiped
        else "",
    }


def _key_of(version: SecretVersion) -> str:
    """What wraps its key, or which version it is in its store; empty: wiped."""
    if not version.is_held:
        return ""
    if version.store == StoreKind.OPENBAO:
        return _("version {number} there").format(number=version.store_ref)
    if version.store in (StoreKind.ENVIRONMENT, StoreKind.FILE):
        return _("mounted")
    return str(version.kek_version)


def _ordered(found: "QuerySet[Secret]", order: str) -> "QuerySet[Secret]":
    if order == "expiry":
        return found.order_by(F("expires_at").asc(nulls_last=True), "slug")
    if order == "rotation":
        return found.order_by(F("rotation_due_at").asc(nulls_last=True), "slug")
    if order == "age":
        return found.annotate(written_at=Max("versions__created_at")).order_by("written_at", "slug")
    return found.order_by("slug")


def _rows(request: WorkspaceRequest, secrets: list[Secret]) -> list[SecretRow]:
    live = {one.secret_id: one for one in SecretVersion.objects.filter(secret__in=secrets, state="live")}
    accepted = Q(state="live") | Q(state="retired", accept_until__gt=now())
    counts = SecretVersion.objects.held().filter(accepted, secret__in=secrets).order_by().values("secret_id")
    held = {row["secret_id"]: row["n"] for row in counts.annotate(n=Count("id"))}
    read_at, places = _last_reads(request, secrets), names_of_places(request)
    return [
        SecretRow(
            slug=secret.slug,
            url=reverse("vault:secret_detail", args=[request.workspace.slug, secret.slug]),
            description=secret.description,
            kind=_(KINDS[secret.kind]),
            version=secret.current_version,
            state=_state(secret, live.get(secret.id)),
            updated_at=live[secret.id].created_at if secret.id in live else secret.updated_at,
            expires_at=secret.expires_at,
            last_read_at=read_at.get(str(secret.id)),
            used_by=secret_rows(request, secret, places),
            held=held.get(secret.id, 0),
            store=_(STORES[secret.store]),
            rotation_due_at=secret.rotation_due_at,
            rotation_overdue=secret.rotation_due_at is not None and secret.rotation_due_at <= now(),
        )
        for secret in secrets
    ]


def _state(secret: Secret, live: SecretVersion | None) -> str:
    if live is None:
        return "revoked"
    return "expired" if secret.expires_at and secret.expires_at <= now() else "active"


def _read_entries(workspace_id: Any) -> "QuerySet[AuditEntry]":
    return AuditEntry.objects.of_workspace(workspace_id).filter(action="secret.read", subject_type="secret")


def _last_reads(request: WorkspaceRequest, secrets: list[Secret]) -> Mapping[str, datetime]:
    ids = [str(secret.id) for secret in secrets]
    found = _read_entries(request.workspace.id).filter(subject_id__in=ids).order_by().values("subject_id")
    return {row["subject_id"]: row["last"] for row in found.annotate(last=Max("created_at"))}


def _reads(secret: Secret) -> list[tuple[datetime, str, int]]:
    """Who read it in the last days: flows, else what for. A read for several flows counts for each."""
    last: dict[str, datetime] = {}
    counts: dict[str, int] = defaultdict(int)
    entries = _read_entries(secret.workspace_id).filter(subject_id=str(secret.id), created_at__gte=now() - READ_WINDOW)
    for at, details in entries.order_by("-created_at").values_list("created_at", "details")[:MOST_READ_ENTRIES]:
        readers = [_("flow {name}").format(name=name) for name in details.get("flows", ())] or list(
            details.get("purposes", ())
        )
        for reader in readers or [_("not said")]:
            counts[reader] += int(details.get("reads", 0))
            last.setdefault(reader, at)
    return sorted(((last[name], name, counts[name]) for name in counts), reverse=True)


def _crumbs(request: WorkspaceRequest) -> list[Link]:
    return [Link(_("Vault"), reverse("vault:secret_list", args=[request.workspace.slug]))]
