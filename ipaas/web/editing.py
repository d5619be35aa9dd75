"""Who has which document open in an editor: remembered for some seconds, in the cache, as numbers of people."""

import time
from uuid import UUID

from django.core.cache import cache

from ipaas.accounts.models import User

FRESH_S = 25
"""An editor asks every 8 seconds; one that misses three is closed."""


def seen(document_id: UUID, user: User) -> list[str]:
    """Notes that a person edits a document; the names of the others who do. Two at once may miss each other once."""
    key, now = f"editing:{document_id}", time.time()
    people: dict[str, float] = cache.get(key) or {}
    fresh = {who: at for who, at in people.items() if now - at < FRESH_S and who != str(user.pk)}
    cache.set(key, {**fresh, str(user.pk): now}, FRESH_S)
    return sorted(User.objects.filter(pk__in=fresh).values_list("email", flat=True))
