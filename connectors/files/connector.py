"""Files of this machine: below the folder that the operator allows."""

from ipaas.sdk.files import handlers
from ipaas.sdk.transports.local_files import opened

HANDLERS = handlers(opened)
