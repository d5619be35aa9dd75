"""Who did what: entries that are only ever added, numbered and hash-chained, provable outside the product.

The two names every service needs are here; the rest is in the modules.
"""

from ipaas.audit.actions import known_actions, register_actions
from ipaas.audit.recording import record

__all__ = ["known_actions", "record", "register_actions"]
