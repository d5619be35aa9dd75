"""What can make the next value of a secret without a person: registered hooks, one per way of issuing."""

import base64
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple, Protocol

from ipaas.accounts.api_keys import KEY, is_live, key_of, rotate_api_key
from ipaas.accounts.models import ApiKey
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.vault.errors import NotRotatable
from ipaas.vault.models import Secret

SECRET_BYTES = 32
STANDARD = "whsec_"
"""How signing secrets of Standard Webhooks begin; the rest is base64."""


class NextValue(NamedTuple):
    """``handover``: somebody outside must be told the value, so that it may be collected once."""

    fields: dict[str, str]
    handover: bool


class Rotator(Protocol):
    """One way of making new values. An OAuth client whose provider has an API for it is one, registered by whoever
    speaks to the provider: it makes the new client secret there, and lets the old one live on for ``overlap``.
    """

    name: str

    def recognises(self, secret: Secret, fields: Mapping[str, str]) -> bool:
        """Whether it issues values like this one; asked when a value is entered."""

    def next_value(self, secret: Secret, fields: Mapping[str, str], *, actor: Actor, overlap: timedelta) -> NextValue:
        """The new value, in the transaction that stores it; what it raises leaves everything as it was."""


class MadeUp:
    """Signing secrets are random: the platform makes them up, in the form of the one before."""

    name = "made-up"

    def recognises(self, secret: Secret, fields: Mapping[str, str]) -> bool:
        return secret.kind == Secret.Kind.SIGNING and len(fields) == 1

    def next_value(self, secret: Secret, fields: Mapping[str, str], *, actor: Actor, overlap: timedelta) -> NextValue:
        ((name, value),) = fields.items()
        made = base64.b64encode(os.urandom(SECRET_BYTES)).decode()
        fresh = STANDARD + made if value.startswith(STANDARD) else secrets.token_urlsafe(SECRET_BYTES)
        return NextValue({name: fresh}, handover=True)


class OwnApiKey:
    """Keys of this platform's own API, of a person or a service account, kept as a secret.

    Whoever enters one has it: a prefix, which many may see, makes no successor.
    """

    name = "api-key"

    def recognises(self, secret: Secret, fields: Mapping[str, str]) -> bool:
        return self._key(secret, fields) is not None

    def next_value(self, secret: Secret, fields: Mapping[str, str], *, actor: Actor, overlap: timedelta) -> NextValue:
        found = self._key(secret, fields)
        if found is None:
            raise NotRotatable(slug=secret.slug)  # revoked or ended since it was entered
        name, key = found
        made = rotate_api_key(key=key, actor=actor, overlap=overlap)
        return NextValue({**fields, name: made.raw}, handover=False)

    def _key(self, secret: Secret, fields: Mapping[str, str]) -> tuple[str, ApiKey] | None:
        for name, value in fields.items():
            key = key_of(value) if KEY.match(value) else None
            if key is not None and key.workspace_id == secret.workspace_id and is_live(key, now()):
                return name, key
        return None


_rotators: dict[str, Rotator] = {}
_by_use: list[Rotator] = []


def register_rotator(rotator: Rotator) -> None:
    """Have ``rotator`` asked about every value that is entered from now on; the first that recognises it has it."""
    _rotators[rotator.name] = rotator


def rotator_name(secret: Secret, fields: Mapping[str, str]) -> str:
    """Which hook can make the next value; empty: only a person can."""
    return next((one.name for one in _rotators.values() if one.recognises(secret, fields)), "")


def rotator_of(secret: Secret) -> Rotator | None:
    """What makes the next value: known since it was entered, or by what uses it now."""
    known = _rotators.get(secret.rotator)
    return known or next((one for one in _by_use if one.recognises(secret, {})), None)


def register_by_use(rotator: Rotator) -> None:
    """Have ``rotator`` asked about secrets that no other recognises, whenever that matters: it goes by their use."""
    _by_use.append(rotator)


register_rotator(MadeUp())
register_rotator(OwnApiKey())
