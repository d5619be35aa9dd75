"""Files of an SFTP server whose host key is known beforehand."""

from ipaas.sdk.files import handlers
from ipaas.sdk.transports.sftp import opened

HANDLERS = handlers(opened)
