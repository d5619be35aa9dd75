"""Settings of the vault: which store keeps secrets, how it is reached, a test, and moving secrets there."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.core.phrases import in_words
from ipaas.vault.backends import (
    AUTH,
    NAMES,
    REMOTE,
    check_backend,
    chosen_backend,
    down_backends,
    set_backend,
    usual_config,
)
from ipaas.vault.migrating import migrate_secrets
from ipaas.vault.models import Backend, Secret, StoreKind
from ipaas.web.pages.secret_forms import STORES
from ipaas.web.pages.settings_frame import show, url_of
from ipaas.web.pages.support import asked, form_errors, options, posted, told
from ipaas.web.readmodels import Link

AT_ONCE = 50
LOGIN = "login__"
LABELS: Mapping[str, tuple[Any, Any]] = {
    "address": (gettext_lazy("Address"), gettext_lazy("Such as https://vault.example.org:8200.")),
    "namespace": (gettext_lazy("Namespace"), gettext_lazy("Empty: none.")),
    "mount": (gettext_lazy("Mount of the engine"), ""),
    "path": (gettext_lazy("Path of the secrets"), gettext_lazy("Each secret is below it, by its name.")),
    "key": (gettext_lazy("Transit key"), gettext_lazy("It wraps the keys of the values.")),
    "auth": (gettext_lazy("Signs in by"), ""),
    "auth_mount": (gettext_lazy("Mount of AppRole"), ""),
    "ca_pem": (gettext_lazy("Private authority"), gettext_lazy("Its certificate in PEM. Empty: public authorities.")),
}
WAYS = [("approle", gettext_lazy("AppRole")), ("token", gettext_lazy("a token"))]
LOGIN_LABELS = {
    "role_id": gettext_lazy("Role id"),
    "secret_id": gettext_lazy("Secret id"),
    "token": gettext_lazy("Token"),
}


class BackendForm(forms.Form):
    """The settings of one kind of store; fields of the login are never filled in."""

    def __init__(self, data: Mapping[str, Any] | None, *, kind: str, config: Mapping[str, str], known: bool) -> None:
        super().__init__(data, initial=dict(config))
        unused = {StoreKind.OPENBAO: "key", StoreKind.TRANSIT: "path"}.get(StoreKind(kind), "")
        for name in NAMES if kind in REMOTE else ():
            if name != unused:
                self.fields[name] = self._control(name)
        for name in dict.fromkeys(field for fields in AUTH.values() for field in fields) if kind in REMOTE else ():
            self.fields[LOGIN + name] = forms.CharField(
                label=LOGIN_LABELS[name],
                required=False,
                strip=True,
                widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
                help_text=_("Empty: the one entered before.") if known else "",
            )

    def _control(self, name: str) -> forms.Field:
        label, help_text = LABELS[name]
        if name == "auth":
            return forms.ChoiceField(choices=WAYS, label=label)
        widget = forms.Textarea(attrs={"rows": 3}) if name == "ca_pem" else forms.TextInput()
        needed = name in ("address", "mount", "path", "key")
        return forms.CharField(label=label, required=needed, help_text=help_text, widget=widget, max_length=20_000)

    def config(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in NAMES if name in self.cleaned_data}

    def login(self) -> dict[str, str]:
        wanted = AUTH.get(self.cleaned_data.get("auth", ""), ())
        given = {name: self.cleaned_data.get(LOGIN + name, "") for name in wanted}
        return given if any(given.values()) else {}


@require_GET
@page("settings.view")
def vault(request: WorkspaceRequest) -> HttpResponse:
    """``?store=`` shows the form of another store than the chosen one."""
    return _page(request, asked(request, "store"))


@require_POST
@page("settings.edit")
def vault_change(request: WorkspaceRequest) -> HttpResponse:
    """Choose a store: tried first, and stored only when it works."""
    kind = posted(request, "store")
    if kind not in StoreKind.values:
        return redirect("accounts:vault", request.workspace.slug)
    form = _form(request, kind, request.POST)
    if form.is_valid():
        login_field = LOGIN + AUTH.get(form.cleaned_data.get("auth", ""), ("",))[0]
        with form_errors(form, lambda path: login_field if path == "login" else path):
            found = set_backend(
                workspace=request.workspace, kind=kind, config=form.config(), login=form.login(), actor=request.actor
            )
            messages.success(request, in_words(found))
            return redirect("accounts:vault", request.workspace.slug)
    return _page(request, kind, form)


@require_POST
@page("settings.view")
def vault_check(request: WorkspaceRequest) -> HttpResponse:
    """Try the chosen store."""
    chosen = chosen_backend(request.workspace)
    kind = chosen.kind if chosen is not None else StoreKind.BUILTIN
    with told(request, _("The store answers as it should.")):
        messages.info(request, in_words(check_backend(workspace=request.workspace, kind=kind, actor=request.actor)))
    return redirect("accounts:vault", request.workspace.slug)


@require_POST
@page("settings.edit")
def vault_migrate(request: WorkspaceRequest) -> HttpResponse:
    """Move secrets that are elsewhere to the chosen store, some at once."""
    chosen = chosen_backend(request.workspace)
    kind = chosen.kind if chosen is not None else StoreKind.BUILTIN
    with told(request, ""):
        done = migrate_secrets(workspace=request.workspace, to=kind, actor=request.actor, most=AT_ONCE)
        messages.success(request, _("{moved} moved, {left} left.").format(moved=len(done.moved), left=done.left))
        for one in done.problems[:5]:
            messages.error(request, f"{one.slug}: {one.problem}")
    return redirect("accounts:vault", request.workspace.slug)


def _form(request: WorkspaceRequest, kind: str, data: Mapping[str, Any] | None = None) -> BackendForm:
    row = Backend.objects.filter(workspace=request.workspace, kind=kind).first()
    config = row.config if row is not None else usual_config(request.workspace, kind)
    return BackendForm(data, kind=kind, config=config, known=row is not None and row.login_id is not None)


def _page(request: WorkspaceRequest, asked_for: str, form: BackendForm | None = None) -> HttpResponse:
    chosen = chosen_backend(request.workspace)
    kept = chosen.kind if chosen is not None else StoreKind.BUILTIN
    kind = asked_for if asked_for in StoreKind.values else kept
    may = request.actor.may("settings.edit")
    rows = Secret.objects.in_workspace(request.workspace.id).usable().order_by().values("store").annotate(n=Count("id"))
    elsewhere = sum(row["n"] for row in rows if row["store"] != kept)
    login = chosen.login if chosen is not None else None
    context = {
        "kept": _(STORES[kept]),
        "chosen": kept == kind,
        "kind": kind,
        "kinds": options({key: _(label) for key, label in STORES.items()}, kind),
        "counts": [(_(STORES[row["store"]]), row["n"]) for row in rows],
        "down": down_backends(request.workspace.id),
        "elsewhere": elsewhere,
        "address": chosen.config.get("address", "") if chosen is not None else "",
        "login": Link(login.slug, reverse("vault:secret_detail", args=[request.workspace.slug, login.slug]))
        if login is not None and request.actor.may("secrets.view")
        else None,
        "form": (form or _form(request, kind)) if may else None,
        "change_url": url_of(request, "vault_change") if may else "",
        "check_url": url_of(request, "vault_check"),
        "migrate_url": url_of(request, "vault_migrate") if may and elsewhere else "",
    }
    return show(request, "vault", "vault", context, status=422 if form is not None else 200)
