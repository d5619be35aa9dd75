"""Token sets in the database: sealed, numbered, and renewed by whoever holds the row's lease.

One transaction reads the row and takes the lease, over all processes and hosts; a lease that was not given back ends by
itself. A new set is committed before anybody uses it, and nothing but a new set takes the place of an old one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from ipaas.catalog.errors import ReconnectNeeded, TokenBusy
from ipaas.catalog.models import Connection, OAuthToken
from ipaas.core import jsonio
from ipaas.core.clock import now
from ipaas.sdk.tokens import Token
from ipaas.vault.payloads import sealer_for

LEASE = timedelta(seconds=60)
_EARLY_S = 60
_EARLY_SHARE = 0.1
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, repr=False)
class TokenSet:
    """What is stored: ``fresh_until`` is when it is renewed, before ``usable_until``."""

    access_token: str
    refresh_token: str
    fresh_until: datetime
    usable_until: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Claim:
    """``stored`` may be used up. ``mine``: whoever asked is the one to renew it now."""

    stored: TokenSet | None
    usable: bool
    mine: bool


@transaction.atomic
def claim(connection_id: UUID, workspace_id: UUID, refused: str) -> Claim:
    """What there is, with the right to renew it where that is due; ``refused`` is a token that was not taken.

    Raises TokenBusy where another worker is at it and there is nothing to use meanwhile, ReconnectNeeded.
    """
    OAuthToken.objects.get_or_create(connection_id=connection_id)
    row = OAuthToken.objects.select_for_update().get(connection_id=connection_id)
    moment, stored = now(), _opened(row, workspace_id)
    usable = stored is not None and stored.access_token != refused and stored.usable_until > moment
    if row.refused_code:
        if not usable:
            raise ReconnectNeeded(connection=_slug(connection_id), told=row.refused_code)
        return Claim(stored, True, False)
    if stored is not None and usable and stored.fresh_until > moment:
        return Claim(stored, True, False)
    if row.refreshing_until is not None and row.refreshing_until > moment:
        if usable:
            return Claim(stored, True, False)
        raise TokenBusy(connection=connection_id)
    row.refreshing_until = moment + LEASE
    row.save(update_fields=["refreshing_until"])
    return Claim(stored, usable, True)


@transaction.atomic
def store(connection_id: UUID, workspace_id: UUID, token: Token, *, before: TokenSet | None) -> TokenSet:
    """Keep a new set and give the lease back. An answer without a refresh token leaves the one before in force.

    Where somebody connected anew meanwhile, theirs stays and is returned.
    """
    row = OAuthToken.objects.select_for_update().get(connection_id=connection_id)
    present = _opened(row, workspace_id)
    if present is not None and present.number != (before.number if before is not None else 0):
        return present
    kept = token.refresh_token or (before.refresh_token if before is not None else "")
    _fill(row, workspace_id, token, kept)
    row.save()
    stored = _opened(row, workspace_id)
    assert stored is not None  # noqa: S101 - just sealed
    return stored


@dataclass(frozen=True, slots=True)
class Taken:
    """A token taken for one use, or None where there is none to use; ``lease`` proves whose turn it is."""

    stored: TokenSet | None
    lease: datetime


@transaction.atomic
def take(connection_id: UUID, workspace_id: UUID, lease: timedelta) -> Taken:
    """Take a token that ends with its use. Until ``give_back`` nobody else gets it, and after the lease nobody at all.

    Raises TokenBusy while it is another's turn.
    """
    OAuthToken.objects.get_or_create(connection_id=connection_id)
    row = OAuthToken.objects.select_for_update().get(connection_id=connection_id)
    moment = now()
    if row.refreshing_until is not None and row.refreshing_until > moment:
        raise TokenBusy(connection=connection_id)
    stored = None if row.taken else _opened(row, workspace_id)
    if stored is not None and stored.usable_until <= moment:
        stored = None
    row.refreshing_until, row.taken = moment + lease, True
    row.save(update_fields=["refreshing_until", "taken"])
    return Taken(stored, row.refreshing_until)


@transaction.atomic
def give_back(connection_id: UUID, workspace_id: UUID, taken: Taken, token: Token | None) -> None:
    """End a turn with the token that is in force now; None: nobody knows it, and the next turn logs in.

    A turn that outlasted its lease says nothing any more, nor one whose connection was given another credential.
    """
    row = OAuthToken.objects.select_for_update().filter(connection_id=connection_id).first()
    if row is None or row.refreshing_until != taken.lease:
        return
    row.taken, row.refreshing_until = token is None, None
    if token is not None and (taken.stored is None or taken.stored.access_token != token.value):
        _fill(row, workspace_id, token, "")
    row.save()


@transaction.atomic
def replace(connection_id: UUID, workspace_id: UUID, before: str, token: Token | None) -> None:
    """Keep the token that an answer gave in place of the one it was asked with, unless another answer was first."""
    row = OAuthToken.objects.select_for_update().filter(connection_id=connection_id).first()
    stored = _opened(row, workspace_id) if row is not None else None
    if row is not None and token is not None and stored is not None and stored.access_token == before:
        _fill(row, workspace_id, token, "")
        row.save()


@transaction.atomic
def store_granted(connection: Connection, token: Token, *, by: str) -> None:
    """Keep what a person granted just now, in place of everything before, and take calls up again."""
    OAuthToken.objects.get_or_create(connection_id=connection.id)
    row = OAuthToken.objects.select_for_update().get(connection_id=connection.id)
    _fill(row, connection.workspace_id, token, token.refresh_token)
    row.connected_by, row.connected_at = by[:200], now()
    row.save()


@transaction.atomic
def end_grant(connection_id: UUID, number: int, told: str) -> bool:
    """Say that only a person can connect again; False where another worker stored a newer set meanwhile."""
    row = OAuthToken.objects.select_for_update().get(connection_id=connection_id)
    if row.number != number:
        return False
    row.refused_code, row.refused_at, row.refreshing_until = (told or "refused")[:60], now(), None
    row.save(update_fields=["refused_code", "refused_at", "refreshing_until"])
    return True


def release(connection_id: UUID) -> None:
    """Give the lease back."""
    OAuthToken.objects.filter(connection_id=connection_id).update(refreshing_until=None)


def _fill(row: OAuthToken, workspace_id: UUID, token: Token, refresh_token: str) -> None:
    moment = now()
    row.number += 1
    told = jsonio.dumps({"access_token": token.value, "refresh_token": refresh_token})
    row.sealed = sealer_for(workspace_id).seal(told, _aad(row.connection_id))
    row.obtained_at, row.expires_at = moment, None
    if token.expires_in_s is not None:
        row.expires_at = moment + timedelta(seconds=token.expires_in_s)
    row.renewable = bool(refresh_token)
    row.granted = list(token.scopes) if token.scopes is not None else row.granted
    row.refreshing_until, row.refused_code, row.refused_at = None, "", None


def _opened(row: OAuthToken, workspace_id: UUID) -> TokenSet | None:
    if row.sealed is None or row.obtained_at is None:
        return None
    try:
        told = jsonio.loads(sealer_for(workspace_id).open(bytes(row.sealed), _aad(row.connection_id)))
    except jsonio.JsonInvalid:  # by an earlier release: fetched again
        return None
    ends = row.expires_at
    if ends is None:  # nobody says when: used until it is refused
        return TokenSet(told["access_token"], told["refresh_token"], _NEVER, _NEVER, row.number)
    life = (ends - row.obtained_at).total_seconds()
    early = timedelta(seconds=min(_EARLY_S, life * _EARLY_SHARE))
    return TokenSet(told["access_token"], told["refresh_token"], ends - early, ends, row.number)


def _slug(connection_id: UUID) -> str:
    return Connection.objects.filter(id=connection_id).values_list("slug", flat=True).first() or str(connection_id)


def _aad(connection_id: UUID) -> bytes:
    return b"oauth-token:" + connection_id.bytes
