"""The form that invites somebody."""

from django import forms
from django.utils.translation import gettext_lazy as _

from ipaas.accounts.roles import ROLES


class InvitationForm(forms.Form):
    email = forms.EmailField(max_length=254, label=_("E-mail address"))
    roles = forms.MultipleChoiceField(choices=[(role, role) for role in ROLES])
