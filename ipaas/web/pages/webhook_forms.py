"""The form of a webhook: where it leads and which events it is told of."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ipaas.accounts.models import Environment, Workspace
from ipaas.notices.checks import LONGEST_SLUG, LONGEST_URL, choosable
from ipaas.notices.models import Webhook

OVERLAPS = {"0": _("at once"), "1": _("in 1 hour"), "24": _("in 1 day"), "168": _("in 7 days")}


class WebhookForm(forms.Form):
    """A new webhook, or (with ``webhook``) the change of one, whose slug stays."""

    slug = forms.CharField(
        max_length=LONGEST_SLUG, label=_("Name"), help_text=_("In the API and the command line. It never changes.")
    )
    title = forms.CharField(max_length=200, label=_("Title"))
    url = forms.CharField(
        max_length=LONGEST_URL,
        label=_("Address"),
        widget=forms.URLInput(attrs={"placeholder": "https://", "spellcheck": "false"}),
        help_text=_("https; a private target must be allowed in Settings, Network."),
    )
    environment = forms.ChoiceField(
        required=False, label=_("Environment"), help_text=_("What belongs to no environment is told in any case.")
    )
    events = forms.MultipleChoiceField()

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, workspace: Workspace, webhook: Webhook | None = None
    ) -> None:
        super().__init__(data)
        self.workspace = workspace
        places = [(one.slug, one.name) for one in workspace.environments.all()]
        self.fields["environment"].choices = [("", _("all")), *places]  # type: ignore[attr-defined]
        self.fields["events"].choices = [(name, name) for name in choosable()]  # type: ignore[attr-defined]
        if webhook is not None:
            del self.fields["slug"]
            place = webhook.environment.slug if webhook.environment is not None else ""
            self.initial = {"title": webhook.title, "url": webhook.url, "environment": place, "events": webhook.events}

    @property
    def plain(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name != "events"]

    @property
    def chosen(self) -> list[str]:
        return list(self["events"].value() or ())

    def values(self) -> dict[str, Any]:
        """What a valid form says, as the arguments of the services."""
        given = {name: self.cleaned_data[name] for name in ("title", "url", "events")}
        slug = self.cleaned_data["environment"]
        place = Environment.objects.filter(workspace=self.workspace, slug=slug).first() if slug else None
        return {**given, "environment": place}


def overlap_of(text: str) -> timedelta:
    """How long the old secret signs too; what was not offered is a day."""
    return timedelta(hours=int(text)) if text in OVERLAPS else timedelta(days=1)
