"""Looking after connections: the connector's safe test call, now and then, where no other call says how it is."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q

from ipaas.catalog.models import Connection, OAuthToken, OperationUse
from ipaas.catalog.registry import connector_of
from ipaas.catalog.services import test_connection
from ipaas.catalog.state import usable
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger

log = get_logger(__name__)
EVERY = timedelta(hours=1)
AT_ONCE = 10


def check_connections() -> int:
    """Test the connections that are due, at most ten; any number of schedulers may do so. Returns how many.

    Those that nobody ever tested are left alone: they may not be set up yet.
    """
    moment = now()
    busy = OperationUse.objects.filter(connection=OuterRef("pk"), last_called_at__gt=moment - EVERY)
    ended = OAuthToken.objects.filter(connection=OuterRef("pk")).exclude(refused_code="")
    due = Connection.objects.filter(
        Q(check_due_at=None) | Q(check_due_at__lte=moment),
        ~Exists(ended),
        state=Connection.State.ACTIVE,
        forced_breaker="",
    ).filter(~(Exists(busy) & Q(test_ok=True)), tested_at__lt=moment - EVERY)
    done = 0
    for row in usable(due.select_related("workspace", "environment").order_by("check_due_at")[:AT_ONCE]):
        claimed = Connection.objects.filter(id=row.id, check_due_at=row.check_due_at).update(
            check_due_at=moment + EVERY
        )
        if claimed and connector_of(row).manifest.test_action:
            done += _check(row)
    return done


def _check(row: Connection) -> bool:
    try:
        test_connection(connection=row, actor=SYSTEM)
    except IpaasError as error:
        log.warning("a connection could not be checked", action="check_failed", connection=row.slug, error=error.code)
        return False
    return True
