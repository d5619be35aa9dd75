"""What is known of a connection's access: its token, its scopes as asked for, granted and used, and what to look at."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from ipaas.catalog.checks import scheme_of
from ipaas.catalog.endings import near_sunset
from ipaas.catalog.models import AnnouncedRate, Connection, OAuthToken, OperationUse
from ipaas.catalog.registry import connector_of
from ipaas.catalog.usage import connections_using
from ipaas.core.clock import now

LOOKS_BACK = timedelta(days=30)
_WIDE = re.compile(
    r"(\A|[._:/-])(admin|administrator|root|superuser|full[_-]?access|all|owner|\*)(\Z|[._:/-])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope. ``granted`` is None where the vendor does not say; ``used_by`` are operations called in 30 days."""

    name: str
    requested: bool
    granted: bool | None
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """``warnings`` are sentences. ``scopes_known``: whether the connector says which operation needs which scope."""

    connected: bool
    connected_by: str
    connected_at: datetime | None
    token_expires_at: datetime | None
    renewable: bool
    reconnect: str
    scopes: tuple[Scope, ...]
    scopes_known: bool
    rate: AnnouncedRate | None
    endings: tuple[OperationUse, ...]
    warnings: tuple[str, ...]


def access_of(row: Connection) -> Access:
    """For pages and the API; raises ConnectorMissing."""
    scheme, actions = scheme_of(row), connector_of(row).manifest.actions
    token = OAuthToken.objects.filter(connection=row).first()
    uses = list(OperationUse.objects.filter(connection=row).order_by("operation"))
    since = now() - LOOKS_BACK
    needed = {name: spec.scopes for name, spec in actions.items()}
    used: dict[str, list[str]] = {}
    for use in uses:
        for scope in needed.get(use.operation, ()) if use.last_called_at > since else ():
            used.setdefault(scope, []).append(use.operation)
    granted = token.granted if token is not None else None
    names = dict.fromkeys((*scheme.scopes, *(granted or ()), *used))
    scopes = tuple(
        Scope(name, name in scheme.scopes, None if granted is None else name in granted, tuple(used.get(name, ())))
        for name in names
    )
    known = any(needed.values())
    return Access(
        connected=token is not None and token.sealed is not None and not token.refused_code,
        connected_by=token.connected_by if token is not None else "",
        connected_at=token.connected_at if token is not None else None,
        token_expires_at=token.expires_at if token is not None else None,
        renewable=token is not None and token.renewable,
        reconnect=token.refused_code if token is not None else "",
        scopes=scopes,
        scopes_known=known,
        rate=AnnouncedRate.objects.filter(connection=row).first(),
        endings=tuple(use for use in uses if use.deprecated_at or use.sunset_at),
        warnings=tuple(_warnings(row, scopes, used_at_all=bool(uses) and known)),
    )


def _warnings(row: Connection, scopes: Iterable[Scope], *, used_at_all: bool) -> Iterable[str]:
    manifest = connector_of(row).manifest
    end = near_sunset(manifest.api_sunset)
    if end is not None:
        told = _("{title} ended on {day}.") if end.over else _("{title} ends on {day}.")
        yield told.format(title=f"{manifest.title} {manifest.api_version}".strip(), day=end.day.isoformat())
    others = connections_using(row.workspace_id, row.secret) if row.secret else []
    if len(others) > 1:
        told = _("{count} connections use the secret {secret}: whoever holds it can do what all of them may.")
        yield told.format(count=len(others), secret=row.secret)
    wide = [one.name for one in scopes if _WIDE.search(one.name)]
    if wide:
        yield _("It may administer the other side: {scopes}.").format(scopes=", ".join(wide))
    unused = [one.name for one in scopes if not one.used_by and one.granted is not False]
    if used_at_all and unused:
        yield _("No operation used for 30 days needs: {scopes}. Ask for less.").format(scopes=", ".join(unused))
    lacking = [one.name for one in scopes if one.used_by and one.granted is False]
    if lacking:
        yield _("Operations in use need what was not granted: {scopes}.").format(scopes=", ".join(lacking))
