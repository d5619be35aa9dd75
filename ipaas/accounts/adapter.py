"""How sign-in is shaped: by e-mail and password, no sign-up, refusals on record."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse

from ipaas.accounts.addresses import client_ip
from ipaas.accounts.known_places import is_known_place
from ipaas.accounts.models import User
from ipaas.accounts.services import set_password
from ipaas.accounts.signin import record_failed_signin
from ipaas.core.actor import Actor

NO_ADDRESS = "::"
"""Stands for an address that is not known, where one has to be stored."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made by administrators; throttling is ``ACCOUNT_RATE_LIMITS``."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request) or NO_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Failures count per account; where its owner has signed in before they count apart, so that no stranger
        who keeps guessing keeps the owner out."""
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        email, ip = str(credentials.get("email") or credentials.get("username") or ""), client_ip(request)
        return f"{key}:{ip}" if is_known_place(email, ip) else key

    def set_password(self, user: User, password: str) -> None:
        actor = Actor(kind="user", id=str(user.pk), label=user.email, ip=client_ip(self.request) or None)
        set_password(user=user, password=password, actor=actor)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("web:profile")

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        record_failed_signin(str(credentials.get("email") or credentials.get("username") or ""), client_ip(request))
