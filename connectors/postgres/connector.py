"""PostgreSQL: rows in, rows out."""

from ipaas.sdk.sql import handlers
from ipaas.sdk.transports.postgres import Postgres

HANDLERS = handlers(Postgres())
