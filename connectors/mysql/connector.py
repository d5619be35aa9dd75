"""MySQL and MariaDB: rows in, rows out."""

from ipaas.sdk.sql import handlers
from ipaas.sdk.transports.mysql import MySql

HANDLERS = handlers(MySql())
