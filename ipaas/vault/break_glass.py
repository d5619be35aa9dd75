"""The two ways in which a person can see a value: collecting once what the platform made up, and breaking the glass."""

from django.db import transaction

from ipaas.config import settings
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.core.querysets import locked_row
from ipaas.vault.errors import BreakGlassOff, NothingToCollect, SecretUnusable
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.reads import SecretRead, note_read
from ipaas.vault.services import record
from ipaas.vault.versions import open_version

SHORTEST_REASON = 10


@transaction.atomic
def collect_version(*, secret: Secret, number: int, actor: Actor) -> dict[str, str]:
    """The value of a version that the platform made up, once: whoever must be told it (a receiver) gets it from here.

    Raises ``NothingToCollect`` for one that was entered, or collected before.
    """
    require_permission(actor, "secrets.write", secret)
    locked = locked_row(Secret.objects.all(), secret, "secret")
    version = locked.versions.select_related("secret").filter(number=number, handover=True).first()
    if version is None:
        raise NothingToCollect(slug=locked.slug, number=number)
    fields = _opened(version, "collecting")
    version.handover = False
    version.save(update_fields=["handover"])
    record("secret.collected", locked, actor, {"version": number})
    return fields


@transaction.atomic
def reveal_secret(*, secret: Secret, reason: str, actor: Actor) -> dict[str, str]:
    """The live value, for an emergency; on record with the reason, told to every administrator.

    Only where the installation allows it (``IPAAS_BREAK_GLASS``), and only to who may change the settings.
    """
    require_permission(actor, "secrets.reveal", secret)
    if not settings().break_glass:
        raise BreakGlassOff
    if len(reason.strip()) < SHORTEST_REASON:
        message = said("say why, in {least} characters or more", least=SHORTEST_REASON)
        raise InvalidInput([{"path": "reason", "code": "reason.missing", "message": message}])
    version = (
        SecretVersion.objects.select_related("secret")
        .filter(secret_id=secret.id, state=SecretVersion.State.LIVE)
        .exclude(secret__kind=Secret.Kind.LOGIN)
        .first()
    )
    if version is None:
        raise SecretUnusable(slug=secret.slug)
    fields = _opened(version, "break-glass")
    record("secret.revealed", secret, actor, {"version": version.number, "reason": reason.strip()})
    return fields


def _opened(version: SecretVersion, purpose: str) -> dict[str, str]:
    opened = open_version(version)
    secret = version.secret
    read = SecretRead(secret.workspace_id, secret.id, secret.slug, opened.version.number)
    note_read(read, purpose=purpose, flow_label="")
    return opened.fields
