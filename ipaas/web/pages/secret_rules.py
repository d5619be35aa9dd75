"""Deeds on secrets beyond entering them: rotation, collecting, breaking the glass, registering what a backend holds."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.config import settings
from ipaas.core.errors import NotFound
from ipaas.vault import services
from ipaas.vault.break_glass import collect_version, reveal_secret
from ipaas.vault.models import Secret
from ipaas.vault.rotating import MOST_DAYS, rotate_secret, set_rotation
from ipaas.vault.rotators import rotator_of
from ipaas.web.pages.secret_forms import KINDS, OVERLAPS
from ipaas.web.pages.support import known_version, posted, told
from ipaas.web.readmodels import Link

WHO = [
    (Secret.Rotation.REMIND.value, gettext_lazy("administrators are reminded by mail")),
    (Secret.Rotation.AUTOMATIC.value, gettext_lazy("the platform, by itself")),
]


class RotationForm(forms.Form):
    every_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        label=gettext_lazy("Every so many days"),
        help_text=gettext_lazy("Counted from the day on which the present value was entered. Empty: no rule."),
    )
    rotation = forms.ChoiceField(choices=WHO, label=gettext_lazy("Done by"))
    overlap_s = forms.TypedChoiceField(
        choices=OVERLAPS, coerce=int, label=gettext_lazy("Accept the version before for")
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, secret: Secret) -> None:
        overlap = str(secret.rotation_overlap_s)
        initial = {"every_days": secret.rotate_every_days, "rotation": secret.rotation, "overlap_s": overlap}
        super().__init__(data, auto_id="rotation_%s", initial=initial)
        if overlap not in dict(OVERLAPS):
            kept = _("{count} seconds").format(count=overlap)
            self.fields["overlap_s"].choices = [*OVERLAPS, (overlap, kept)]  # type: ignore[attr-defined]
        if rotator_of(secret) is None:
            self.fields["rotation"].choices = WHO[:1]  # type: ignore[attr-defined]


class RegisterForm(forms.Form):
    slug = forms.CharField(
        max_length=80, label=gettext_lazy("Name"), help_text=gettext_lazy("As the backend calls it.")
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"))
    description = forms.CharField(max_length=300, required=False, label=gettext_lazy("Description"))

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id="register_%s")
        kinds = (Secret.Kind.CREDENTIAL, Secret.Kind.SIGNING)
        self.fields["kind"].choices = [(kind.value, _(KINDS[kind])) for kind in kinds]  # type: ignore[attr-defined]


def rules_context(request: WorkspaceRequest, secret: Secret) -> dict[str, Any]:
    """What the page of a secret shows of its rotation and of reading it."""
    place = [request.workspace.slug, secret.slug]
    may_write, login = request.actor.may("secrets.write"), secret.kind == Secret.Kind.LOGIN
    may_write = may_write and (not login or request.actor.may("settings.edit"))
    may_rotate = request.actor.may("secrets.rotate") and rotator_of(secret) is not None
    may_reveal = request.actor.may("secrets.reveal") and settings().break_glass and not login
    return {
        "rotation_form": RotationForm(secret=secret) if may_write else None,
        "rotation_url": reverse("vault:secret_rotation", args=place) if may_write else "",
        "rotate_url": reverse("vault:secret_rotate", args=place) if may_rotate else "",
        "reveal_url": reverse("vault:secret_reveal", args=place) if may_reveal else "",
    }


@require_POST
@page("secrets.write")
def secret_rotation(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Say how often it is to be rotated, and by whom."""
    secret = secret_of(request, slug)
    form = RotationForm(request.POST, secret=secret)
    if form.is_valid():
        given = form.cleaned_data
        with told(request, _("Changed.")):
            set_rotation(
                secret=secret,
                every_days=given["every_days"],
                rotation=given["rotation"],
                overlap=timedelta(seconds=given["overlap_s"]),
                actor=request.actor,
            )
    else:
        messages.error(request, " ".join(str(one) for found in form.errors.values() for one in found))
    return redirect("vault:secret_detail", request.workspace.slug, slug)


@require_POST
@page("secrets.rotate")
def secret_rotate(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Have the platform make the next value."""
    secret = secret_of(request, slug)
    with told(request, _("A new version is live.")):
        rotate_secret(secret=secret, actor=request.actor, after=known_version(request))
    return redirect("vault:secret_detail", request.workspace.slug, slug)


@require_POST
@page("secrets.write")
def secret_collect(request: WorkspaceRequest, slug: str, number: int) -> HttpResponse:
    """Show a value that the platform made up, once."""
    secret = secret_of(request, slug)
    with told(request, ""):
        fields = collect_version(secret=secret, number=number, actor=request.actor)
        title = _("Version {number} of {slug}").format(number=number, slug=slug)
        notes = (_("Give it to the other side now: it can not be shown again."),)
        return _shown(request, secret, title, fields, notes)
    return redirect("vault:secret_detail", request.workspace.slug, slug)


@require_POST
@page("secrets.reveal")
def secret_reveal(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Show the live value, on record and told to all administrators."""
    secret = secret_of(request, slug)
    with told(request, ""):
        fields = reveal_secret(secret=secret, reason=posted(request, "reason", 500), actor=request.actor)
        notes = (_("All administrators were told that you read it, and why. Rotate it afterwards."),)
        return _shown(request, secret, slug, fields, notes)
    return redirect("vault:secret_detail", request.workspace.slug, slug)


@require_POST
@page("secrets.write")
def secret_register(request: WorkspaceRequest) -> HttpResponse:
    """Make a secret of a value that the workspace's backend holds."""
    form = RegisterForm(request.POST)
    if form.is_valid():
        with told(request, _("The secret {slug} is registered.").format(slug=form.cleaned_data["slug"])):
            secret = services.register_secret(workspace=request.workspace, actor=request.actor, **form.cleaned_data)
            return redirect("vault:secret_detail", request.workspace.slug, secret.slug)
    else:
        messages.error(request, " ".join(str(one) for found in form.errors.values() for one in found))
    return redirect("vault:secret_new", request.workspace.slug)


def secret_of(request: WorkspaceRequest, slug: str) -> Secret:
    found = Secret.objects.in_workspace(request.workspace.id).filter(slug=slug).first()
    if found is None:
        raise NotFound(what="secret")
    return found


def _shown(
    request: WorkspaceRequest, secret: Secret, title: str, fields: Mapping[str, str], notes: Sequence[str]
) -> HttpResponse:
    back = reverse("vault:secret_detail", args=[request.workspace.slug, secret.slug])
    context = {
        "title": title, "values": sorted(fields.items()), "notes": notes, "back_url": back,
        "crumbs": [Link(_("Vault"), reverse("vault:secret_list", args=[request.workspace.slug])),
                   Link(secret.slug, back)],
    }  # fmt: skip
    answer = render(request, "accounts/shown_once.html", context)
    answer["Cache-Control"] = "no-store"
    return answer
