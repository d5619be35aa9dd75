"""Sign-in, sign-out and second factors reach the audit trail whichever view causes them."""

from typing import Any

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from ipaas.accounts.addresses import client_ip
from ipaas.accounts.known_places import note_place
from ipaas.accounts.models import User
from ipaas.accounts.signin import record_failed_signin, record_own_deed, record_signin, record_signout


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    record_signin(user, client_ip(request))
    note_place(user.email, client_ip(request))


@receiver(user_logged_out)
def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        record_signout(user, client_ip(request))


@receiver(authentication_failed)
def _second_factor_refused(request: HttpRequest, user: User, **_: Any) -> None:
    record_failed_signin(user.email, client_ip(request))


@receiver(post_save, sender=Authenticator)
def _second_factor_added(instance: Authenticator, created: bool, **_: Any) -> None:
    if created:
        _record_factor("user.second_factor_added", instance)


@receiver(post_delete, sender=Authenticator)
def _second_factor_removed(instance: Authenticator, **_: Any) -> None:
    _record_factor("user.second_factor_removed", instance)


def _record_factor(action: str, factor: Authenticator) -> None:
    """In the transaction of the change; a reset by an administrator is recorded by its own deed."""
    person = getattr(context.request, "user", None)
    if isinstance(person, User) and person.pk == factor.user_id:
        record_own_deed(action, person, client_ip(context.request), {"factor": str(factor.type)})
