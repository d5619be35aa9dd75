"""Objects of an S3-compatible store as files."""

from ipaas.sdk.files import handlers
from ipaas.sdk.transports.s3 import opened

HANDLERS = handlers(opened)
