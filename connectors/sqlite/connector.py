"""SQLite: rows in, rows out."""

from ipaas.sdk.sql import handlers
from ipaas.sdk.transports.sqlite import Sqlite

HANDLERS = handlers(Sqlite())
