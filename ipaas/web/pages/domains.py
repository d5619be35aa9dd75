"""Domains: who answers for which part of the business, and what belongs to it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ipaas.accounts.models import Membership
from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.accounts.roles import permissions_of
from ipaas.core.document_types import document_type_of
from ipaas.core.errors import IpaasError, NotFound, PermissionDenied
from ipaas.ownership import services
from ipaas.ownership.models import Domain
from ipaas.ownership.naming import documents_of
from ipaas.web.pages.reviews import PLACES, kind_word
from ipaas.web.pages.support import environment_of, form_errors, told_error
from ipaas.web.readmodels import Link


class DomainForm(forms.Form):
    slug = forms.CharField(
        max_length=60,
        label=gettext_lazy("Short name"),
        help_text=gettext_lazy("Such as sales: documents name their domain by it. It never changes."),
    )
    title = forms.CharField(max_length=120, label=gettext_lazy("Name"))
    description = forms.CharField(
        max_length=10_000, required=False, label=gettext_lazy("What belongs to it"), widget=forms.Textarea({"rows": 3})
    )
    owner = forms.ChoiceField(required=False, label=gettext_lazy("Owner"))
    stewards = forms.MultipleChoiceField(required=False)


@require_GET
@page("domains.view")
def domain_list(request: WorkspaceRequest) -> HttpResponse:
    environment_of(request)
    rows = Domain.objects.in_workspace(request.workspace.id).with_people()
    shown = [
        {
            "title": one.title,
            "slug": one.slug,
            "url": _url(request, "detail", one.slug),
            "owner": one.owner.user.email if one.owner else "",
            "stewards": [steward.user.email for steward in one.stewards.all()],
        }
        for one in rows
    ]
    new_url = _url(request, "new") if request.actor.may("domains.edit") else ""
    return render(request, "governance/domain_list.html", {"domains": shown, "new_url": new_url})


@require_GET
@page("domains.view")
def domain_detail(request: WorkspaceRequest, slug: str) -> HttpResponse:
    environment_of(request)
    domain = Domain.objects.named(request.workspace.id, slug)
    may = request.actor.may("domains.edit")
    context = {
        "domain": domain,
        "stewards": [one.user.email for one in domain.stewards.all()],
        "documents": [_document(request, one) for one in documents_of(domain)],
        "crumbs": [Link(_("Domains"), _url(request, "list"))],
        "edit_url": _url(request, "edit", slug) if may else "",
        "delete_url": _url(request, "delete", slug) if may else "",
    }
    return render(request, "governance/domain_detail.html", context)


def _document(request: WorkspaceRequest, document: Any) -> dict[str, Any]:
    kind = document_type_of(document).kind
    place = PLACES.get(kind)
    return {
        "kind": kind_word(kind),
        "title": document.title,
        "version": document.latest_version,
        "url": reverse(f"{place}:{kind}_detail", args=[request.workspace.slug, document.slug]) if place else "",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@page("domains.edit")
def domain_new(request: WorkspaceRequest) -> HttpResponse:
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        with form_errors(form, _field_of):
            made = services.create_domain(workspace=request.workspace, actor=request.actor, **form.cleaned_data)
            return redirect("governance:domain_detail", request.workspace.slug, made.slug)
    return _page(request, form, _("New domain"), _url(request, "list"))


@require_http_methods(["GET", "HEAD", "POST"])
@page("domains.edit")
def domain_edit(request: WorkspaceRequest, slug: str) -> HttpResponse:
    domain = Domain.objects.named(request.workspace.id, slug)
    form = _form(request, domain)
    if request.method == "POST" and form.is_valid():
        with form_errors(form, _field_of):
            services.change_domain(domain=domain, actor=request.actor, **form.cleaned_data)
            return redirect("governance:domain_detail", request.workspace.slug, slug)
    return _page(request, form, _("Change {title}").format(title=domain.title), _url(request, "detail", slug))


@require_POST
@page("domains.edit")
def domain_delete(request: WorkspaceRequest, slug: str) -> HttpResponse:
    domain = Domain.objects.named(request.workspace.id, slug)
    try:
        services.delete_domain(domain=domain, actor=request.actor)
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        messages.error(request, told_error(error))
        return redirect("governance:domain_detail", request.workspace.slug, slug)
    messages.success(request, _("The domain {title} is deleted.").format(title=domain.title))
    return redirect("governance:domain_list", request.workspace.slug)


def _form(request: WorkspaceRequest, domain: Domain | None = None) -> DomainForm:
    members = list(Membership.objects.in_workspace(request.workspace.id).filter(user__is_active=True))
    stewards = list(domain.stewards.all()) if domain is not None else []
    initial: dict[str, Any] = {}
    if domain is not None:
        initial = {"title": domain.title, "description": domain.description}
        initial["owner"] = domain.owner.user.email if domain.owner else ""
        initial["stewards"] = [one.user.email for one in stewards]
    form = DomainForm(request.POST if request.method == "POST" else None, initial=initial)
    if domain is not None:
        del form.fields["slug"]
    able = [one for one in members if one in stewards or "reviews.decide" in permissions_of(one.roles)]
    _choose(form, "owner", [("", _("nobody")), *((one.user.email, one.user.email) for one in members)])
    _choose(form, "stewards", [(one.user.email, one.user.email) for one in able])
    return form


def _choose(form: DomainForm, name: str, choices: list[tuple[str, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 - of the class above
    field.choices = choices


def _field_of(path: str) -> str:
    return path.partition("/")[0]


def _page(request: WorkspaceRequest, form: DomainForm, title: str, cancel_url: str) -> HttpResponse:
    environment_of(request)
    chosen = set(form["stewards"].value() or ())
    context = {
        "title": title,
        "form": form,
        "plain": [form[name] for name in form.fields if name != "stewards"],
        "people": [
            {"value": value, "label": label, "chosen": value in chosen}
            for value, label in form.fields["stewards"].choices  # type: ignore[attr-defined]  # a field with choices
        ],
        "crumbs": [Link(_("Domains"), _url(request, "list"))],
        "cancel_url": cancel_url,
    }
    return render(request, "governance/domain_form.html", context, status=422 if form.errors else 200)


def _url(request: WorkspaceRequest, name: str, *arguments: object) -> str:
    return reverse(f"governance:domain_{name}", args=[request.workspace.slug, *arguments])
