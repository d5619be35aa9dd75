"""Settings of a workspace: environments with their variables, what may be called, policies, health."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts import services
from ipaas.accounts.models import Environment
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.catalog.models import Connection
from ipaas.config import Settings, settings
from ipaas.core import jsonio
from ipaas.core.document_forms import normalise
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.phrases import in_words
from ipaas.web.pages.connection_policies import platform_rows
from ipaas.web.pages.connection_rows import connection_url
from ipaas.web.pages.settings_frame import show, url_of
from ipaas.web.pages.support import form_errors, told_error
from ipaas.web.readmodels import Link
from ipaas.web.workers import backlog, stores

LARGEST_VARIABLES = 100_000


class EnvironmentForm(forms.Form):
    slug = forms.CharField(
        max_length=40,
        label=gettext_lazy("Short name"),
        help_text=gettext_lazy("Such as staging: commands and addresses use it. It never changes."),
    )
    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))
    position = forms.IntegerField(
        min_value=0,
        max_value=32_767,
        required=False,
        label=gettext_lazy("Position"),
        help_text=gettext_lazy("Order of promotion: development first. Without a number it stands before production."),
    )
    variables = forms.CharField(max_length=LARGEST_VARIABLES, required=False)

    def clean_variables(self) -> dict[str, Any]:
        try:
            value = normalise(jsonio.loads(self.cleaned_data["variables"].encode() or b"{}"))
        except jsonio.JsonInvalid as error:
            raise forms.ValidationError(in_words(error.detail)) from None
        except InvalidInput as error:
            raise forms.ValidationError(told_error(error)) from None
        if not isinstance(value, dict):
            message = _("Write an object, such as %(example)s.") % {"example": '{"shop": "de"}'}
            raise forms.ValidationError(message)
        return value

    @property
    def plain(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name != "variables"]


class NetworkForm(forms.Form):
    targets = forms.CharField(max_length=20_000, required=False)

    def entries(self) -> list[str]:
        return list(dict.fromkeys(line.strip() for line in self.cleaned_data["targets"].splitlines() if line.strip()))


@require_GET
@page("settings.view")
def environment_list(request: WorkspaceRequest) -> HttpResponse:
    may = request.actor.may("settings.edit")
    shown = [
        {
            "name": one.name,
            "slug": one.slug,
            "variables": one.variables,
            "connections": one.connections.count(),
            "deployments": one.deployments.filter(active=True).count(),
            "edit_url": url_of(request, "environment_edit", one.slug) if may else "",
        }
        for one in request.workspace.environments.all()
    ]
    context = {"environments": shown, "new_url": url_of(request, "environment_new") if may else ""}
    return show(request, "environments", "environment_list", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("settings.edit")
def environment_new(request: WorkspaceRequest) -> HttpResponse:
    form = EnvironmentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with form_errors(form):
            services.create_environment(workspace=request.workspace, actor=request.actor, **form.cleaned_data)
            return redirect("accounts:environments", request.workspace.slug)
    return _environment_form(request, form, _("New environment"))


@require_http_methods(["GET", "HEAD", "POST"])
@page("settings.edit")
def environment_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment = Environment.objects.filter(workspace=request.workspace, slug=slug).first()
    if environment is None:
        raise NotFound(what="environment")
    text = jsonio.dumps(environment.variables).decode()
    form = EnvironmentForm(
        request.POST if request.method == "POST" else None,
        initial={"name": environment.name, "variables": text, "position": environment.position},
    )
    del form.fields["slug"]
    if request.method == "POST" and form.is_valid():
        with form_errors(form):
            services.change_environment(environment=environment, actor=request.actor, **form.cleaned_data)
            return redirect("accounts:environments", request.workspace.slug)
    return _environment_form(request, form, _("Change {title}").format(title=environment.name))


def _environment_form(request: WorkspaceRequest, form: EnvironmentForm, title: str) -> HttpResponse:
    context = {
        "title": title,
        "form": form,
        "variables": form["variables"].value() or "{}",
        "crumbs": [Link(_("Environments"), url_of(request, "environments"))],
        "cancel_url": url_of(request, "environments"),
    }
    return show(request, "environments", "environment_form", context, status=422 if form.errors else 200)


@require_GET
@page("settings.view")
def network(request: WorkspaceRequest) -> HttpResponse:
    return _network(request)


@require_POST
@page("settings.edit")
def network_change(request: WorkspaceRequest) -> HttpResponse:
    """Replace the list of private targets that connections may call."""
    form = NetworkForm(request.POST)
    if form.is_valid():
        with form_errors(form, lambda _path: "targets"):
            changes = {"egress_allow": form.entries()}
            services.change_settings(workspace=request.workspace, settings=changes, actor=request.actor)
            return redirect("accounts:network", request.workspace.slug)
    return _network(request, form)


def _network(request: WorkspaceRequest, form: NetworkForm | None = None) -> HttpResponse:
    allowed = list(request.workspace.settings.get("egress_allow", ()))
    plain = Connection.objects.in_workspace(request.workspace.id).select_related("workspace")
    context = {
        "allowed": allowed,
        "targets": form.data.get("targets", "") if form else "\n".join(allowed),
        "errors": [str(error) for error in form.errors.get("targets", [])] if form else [],
        "users": [
            Link(f"{row.title} ({row.environment.name})", connection_url(row))
            for row in plain.filter(base_url__startswith="http://")
        ],
        "change_url": url_of(request, "network_change") if request.actor.may("settings.edit") else "",
    }
    return show(request, "network", "network", context, status=422 if form else 200)


@require_GET
@page("settings.view")
def policies(request: WorkspaceRequest) -> HttpResponse:
    """The platform's defaults, and the connections that have values of their own."""
    rows = Connection.objects.in_workspace(request.workspace.id).select_related("workspace").exclude(policy={})
    own = [(Link(row.title, connection_url(row)), row.environment.name, ", ".join(sorted(row.policy))) for row in rows]
    kept = [
        (f"IPAAS_{name.upper()}", _days(getattr(settings(), name)), Settings.model_fields[name].description)
        for name in ("retention_days", "key_retention_days")
    ]
    return show(request, "policies", "policies", {"rows": platform_rows(), "own": own, "kept": kept})


def _days(number: int) -> str:
    return ngettext("{count} day", "{count} days", number).format(count=number)


@require_GET
@page("settings.view")
def health(request: WorkspaceRequest) -> HttpResponse:
    lanes = backlog(request.workspace.id)
    context = {"lanes": lanes, "late": [lane for lane in lanes if lane.late], "stores": stores(request.workspace.id)}
    return show(request, "health", "health", context)
