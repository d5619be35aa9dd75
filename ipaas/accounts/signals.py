"""Sign-in and sign-out reach the audit trail whichever view causes them."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from ipaas.accounts.addresses import client_ip
from ipaas.accounts.known_places import note_place
from ipaas.accounts.models import User
from ipaas.accounts.signin import record_signin, record_signout


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    record_signin(user, client_ip(request))
    note_place(user.email, client_ip(request))


@receiver(user_logged_out)
def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        record_signout(user, client_ip(request))
