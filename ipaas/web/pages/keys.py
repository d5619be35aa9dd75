"""API keys and service accounts; a key is shown once, when it is made."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts import services
from ipaas.accounts.api_keys import NewApiKey, may_rotate
from ipaas.accounts.models import ApiKey, ServiceAccount
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.accounts.roles import DESCRIPTIONS, PERMISSIONS, ROLES, permissions_of
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.flows.models import Flow
from ipaas.web.pages.secret_forms import moment_of
from ipaas.web.pages.settings_frame import show, show_once, url_of
from ipaas.web.pages.support import form_errors, read_id, told

OVERLAPS = {
    "0": gettext_noop("at once"),
    "3600": gettext_noop("in 1 hour"),
    "86400": gettext_noop("in 1 day"),
    "604800": gettext_noop("in 7 days"),
}
FIELDS = {"service_account": "owner", "expires_at": "expires_on"}
MOST_KEYS = 500


class KeyForm(forms.Form):
    """``owner`` empty: the person who makes it."""

    name = forms.CharField(
        max_length=120, label=gettext_lazy("Name"), help_text=gettext_lazy("What it is for, such as nightly export.")
    )
    owner = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Owner"),
        help_text=gettext_lazy("It permits no more than its owner may at the time of use."),
    )
    expires_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label=gettext_lazy("Expires on"),
        help_text=gettext_lazy("Empty: never."),
    )
    flows = forms.MultipleChoiceField(
        required=False, label=gettext_lazy("Only these flows"), help_text=gettext_lazy("None chosen: every flow."),
        widget=forms.SelectMultiple(attrs={"size": 4, "class": "form-select"}),
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(choices=[(name, name) for name in PERMISSIONS])

    def __init__(self, data: Mapping[str, Any] | None, request: WorkspaceRequest) -> None:
        super().__init__(data)
        accounts = ServiceAccount.objects.filter(workspace=request.workspace, disabled=False)
        self.accounts = {account.slug: account for account in accounts}
        owners = [
            ("", _("{name} (you)").format(name=request.actor.label)),
            *((one, _("service account {slug}").format(slug=one)) for one in self.accounts),
        ]
        self.fields["owner"].choices = owners  # type: ignore[attr-defined]
        found = Flow.objects.in_workspace(request.workspace.id).live().values_list("id", "slug")
        self.fields["flows"].choices = [(str(flow_id), slug) for flow_id, slug in found]  # type: ignore[attr-defined]

    @property
    def plain(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "owner", "expires_on", "flows")]


class AccountForm(forms.Form):
    slug = forms.CharField(
        max_length=60, label=gettext_lazy("Name"), help_text=gettext_lazy("Lower-case letters, digits and hyphens.")
    )
    name = forms.CharField(max_length=120, label=gettext_lazy("Title"))
    rate_per_minute = forms.IntegerField(
        required=False, min_value=1, max_value=services.MOST_PER_MINUTE, label=gettext_lazy("Requests a minute"),
        help_text=gettext_lazy("Of each of its keys. Empty: as many as every key."),
    )  # fmt: skip
    roles = forms.MultipleChoiceField(choices=[(role, role) for role in ROLES])

    @property
    def plain(self) -> list[forms.BoundField]:
        return [self[name] for name in ("slug", "name", "rate_per_minute")]

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id="account_%s")


@require_GET
@page("settings.view")
def key_list(request: WorkspaceRequest) -> HttpResponse:
    return _page(request)


@require_POST
@page("apikeys.manage")
def key_new(request: WorkspaceRequest) -> HttpResponse:
    form = KeyForm(request.POST, request)
    if form.is_valid():
        with form_errors(form, lambda path: FIELDS.get(path, path)):
            given = form.cleaned_data
            made = services.create_api_key(
                workspace=request.workspace,
                name=given["name"],
                scopes=given["scopes"],
                actor=request.actor,
                expires_at=moment_of(given["expires_on"]),
                flows=[found for text in given["flows"] if (found := read_id(text))] or None,
                service_account=form.accounts.get(given["owner"]),
            )
            return _made(request, made)
    return _page(request, key_form=form)


@require_POST
@page("apikeys.manage")
def key_rotate(request: WorkspaceRequest, prefix: str) -> HttpResponse:
    key = _key(request, prefix)
    overlap = request.POST.get("overlap", "")
    with told(request, ""):
        seconds = int(overlap) if overlap in OVERLAPS else 86400
        return _made(request, services.rotate_api_key(key=key, actor=request.actor, overlap=timedelta(seconds=seconds)))
    return redirect("accounts:keys", request.workspace.slug)


@require_POST
@page("apikeys.manage")
def key_revoke(request: WorkspaceRequest, prefix: str) -> HttpResponse:
    key = _key(request, prefix)
    with told(request, _("The key {name} is revoked.").format(name=key.name)):
        services.revoke_api_key(key=key, actor=request.actor)
    return redirect("accounts:keys", request.workspace.slug)


@require_POST
@page("apikeys.manage")
def account_new(request: WorkspaceRequest) -> HttpResponse:
    form = AccountForm(request.POST)
    if form.is_valid():
        with form_errors(form):
            services.create_service_account(workspace=request.workspace, actor=request.actor, **form.cleaned_data)
            return redirect("accounts:keys", request.workspace.slug)
    return _page(request, account_form=form)


@require_POST
@page("apikeys.manage")
def account_change(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Replace roles and rate of a service account."""
    account = _service_account(request, slug)
    form = AccountForm(
        {**request.POST.dict(), "slug": slug, "name": account.name, "roles": request.POST.getlist("roles")}
    )
    with told(request, _("The service account %(slug)s is changed.") % {"slug": slug}):
        if not form.is_valid():
            raise InvalidInput(
                [{"path": name, "code": "form", "message": str(found[0])} for name, found in form.errors.items()]
            )
        given = {name: form.cleaned_data[name] for name in ("roles", "rate_per_minute")}
        services.change_service_account(account=account, actor=request.actor, **given)
    return redirect("accounts:keys", request.workspace.slug)


@require_POST
@page("apikeys.manage")
def account_switch(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Disable or enable a service account with all its keys: ``disabled`` is yes or no."""
    account = _service_account(request, slug)
    disabled = request.POST.get("disabled") == "yes"
    done = _("The service account {slug} is disabled.") if disabled else _("The service account {slug} is enabled.")
    with told(request, done.format(slug=slug)):
        services.set_service_account_disabled(account=account, disabled=disabled, actor=request.actor)
    return redirect("accounts:keys", request.workspace.slug)


def _key(request: WorkspaceRequest, prefix: str) -> ApiKey:
    found = ApiKey.objects.in_workspace(request.workspace.id).filter(prefix=prefix).first()
    if found is None:
        raise NotFound(what="API key")
    return found


def _service_account(request: WorkspaceRequest, slug: str) -> ServiceAccount:
    found = ServiceAccount.objects.filter(workspace=request.workspace, slug=slug).first()
    if found is None:
        raise NotFound(what="service account")
    return found


def _made(request: WorkspaceRequest, made: NewApiKey) -> HttpResponse:
    return show_once(
        request,
        title=_("API key {name}").format(name=made.key.name),
        label=_("Key"),
        value=made.raw,
        notes=(
            _("Copy it now: it is not stored and can not be shown again."),
            _("Programs send it as Authorization: Bearer and the key."),
        ),
        back=("keys", _("API keys")),
    )


def _page(
    request: WorkspaceRequest, *, key_form: KeyForm | None = None, account_form: AccountForm | None = None
) -> HttpResponse:
    may = request.actor.may("apikeys.manage")
    keys = ApiKey.objects.in_workspace(request.workspace.id)[:MOST_KEYS]
    flows = dict(Flow.objects.in_workspace(request.workspace.id).values_list("id", "slug"))
    accounts = ServiceAccount.objects.filter(workspace=request.workspace)
    grantable = [(name, _(text)) for name, text in PERMISSIONS.items() if name in request.actor.permissions]
    context = {
        "keys": [_shown(request, key, flows, may=may) for key in keys],
        "accounts": [_account(request, account, may=may) for account in accounts],
        "key_form": key_form or KeyForm(None, request),
        "account_form": account_form or AccountForm(),
        "scopes": grantable,
        "chosen_scopes": key_form["scopes"].value() or [] if key_form else [],
        "roles": [
            (role, _(DESCRIPTIONS[role])) for role in ROLES if permissions_of([role]) <= request.actor.permissions
        ],
        "chosen_roles": account_form["roles"].value() or [] if account_form else [],
        "overlaps": [(value, _(label)) for value, label in OVERLAPS.items()],
        "new_url": url_of(request, "key_new") if may else "",
        "account_url": url_of(request, "account_new") if may else "",
    }
    return show(request, "keys", "key_list", context, status=422 if key_form or account_form else 200)


def _shown(request: WorkspaceRequest, key: ApiKey, flows: Mapping[Any, str], *, may: bool) -> dict[str, Any]:
    expired = key.expires_at is not None and key.expires_at <= now()
    live = not (key.revoked_at or expired)
    rotatable = may and live and not key.replaced_by_id and may_rotate(key, request.actor)
    state = "revoked" if key.revoked_at else "expired" if expired else "active"
    if live and key.service_account is not None and key.service_account.disabled:
        state = "disabled"
    owner = key.service_account.slug if key.service_account else key.owner.email if key.owner else _("the platform")
    return {
        "name": key.name,
        "prefix": key.prefix,
        "state": "replaced" if live and key.replaced_by_id else state,
        "owner": owner,
        "scopes": key.scopes,
        "flows": [flows.get(one, _("a deleted flow")) for one in key.flows or ()],
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "rotate_url": url_of(request, "key_rotate", key.prefix) if rotatable else "",
        "revoke_url": url_of(request, "key_revoke", key.prefix) if may and live else "",
    }


def _account(request: WorkspaceRequest, account: ServiceAccount, *, may: bool) -> dict[str, Any]:
    return {
        "slug": account.slug,
        "name": account.name,
        "roles": account.roles,
        "disabled": account.disabled,
        "created_at": account.created_at,
        "rate": account.rate_per_minute,
        "change_url": url_of(request, "account_change", account.slug) if may else "",
        "switch_url": url_of(request, "account_switch", account.slug) if may else "",
    }
