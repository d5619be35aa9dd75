"""Errors of the audit trail."""

from ipaas.core.errors import IpaasError


class SigningKeyUnusable(IpaasError):
    """The key that signs the audit trail can not be opened: {reason}."""

    status = 503
    code = "audit.key_unusable"
    title = "Audit trail can not be signed"
    remedy = "Restore the key-encryption key that belongs to this database; entries go on being recorded meanwhile."
