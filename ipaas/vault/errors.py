"""Errors of keys and secrets; none ever carries a value."""

from typing import ClassVar

from ipaas.core.errors import Conflict, IpaasError, NotFound
from ipaas.core.phrases import said


class KeyProblem(IpaasError):
    """The key-encryption key can not be used."""

    status = 503
    code = "kek.unusable"
    title = "Vault not available"


class KeyFileMissing(KeyProblem):
    """There is no key-encryption key: {place} does not exist."""

    code = "kek.missing"
    remedy = "Restore {place} from its backup, or set IPAAS_KEK. Only a new installation may make a new key."


class KeyMalformed(KeyProblem):
    """The key-encryption key in {place} is not usable: {reason}."""

    code = "kek.malformed"
    remedy = 'Restore {place}; a file holds {{"current": 1, "keys": {{"1": "<32 bytes in base64>"}}}}.'


class KeyFileOpen(KeyProblem):
    """Everybody on this machine can read the key-encryption key in {place}."""

    code = "kek.exposed"
    remedy = "Run: chmod 600 {place}"


class KeyVersionMissing(KeyProblem):
    """Data is sealed by version {version} of the key-encryption key, which {place} does not hold."""

    code = "kek.version_missing"
    remedy = "Add version {version} to {place} from its backup; remove a version only after `ipaas vault rewrap`."


class KeyWrong(KeyProblem):
    """Version {version} of the key-encryption key in {place} is not the one this database was sealed with."""

    code = "kek.wrong"
    remedy = "Restore the {place} that belongs to this database. Nothing was changed."


class SealBroken(IpaasError):
    """Sealed data does not open: it was altered, cut short, or belongs to another place."""

    status = 500
    code = "seal.broken"
    title = "Sealed data does not open"
    remedy = "Restore the row from a backup; look for writes to the database from outside the product."


class PayloadKeyNotLoaded(IpaasError):
    """The payload is sealed by key {number}, which this process has not loaded yet."""

    status = 503
    code = "payload_key.not_loaded"
    title = "Key not loaded"
    remedy = "Load the workspace's keys again and repeat."


class SecretNotFound(NotFound):
    """There is no secret {slug} in this workspace."""

    code = "secret.not_found"
    remedy = "Create it under Secrets, or correct the name in the connection."

    def __init__(self, slug: str) -> None:
        super().__init__(what="secret", slug=slug)


class SecretUnusable(IpaasError):
    """The secret {slug} has no live version."""

    status = 409
    code = "secret.no_live_version"
    title = "Secret without a live version"
    remedy = "Enter a new version of it."


class SecretInUse(Conflict):
    """The secret {slug} is used by {users}."""

    code = "secret.in_use"
    remedy = "Give those another secret first."


class BackendUnavailable(IpaasError):
    """The backend {backend} of the vault can not be used: {reason}."""

    status = 503
    code = "vault.unavailable"
    title = "Vault not available"
    remedy = "Runs wait and go on by themselves. See to the backend; Settings, Vault has a test."
    passes: ClassVar[bool] = True
    """Whether it may end by itself, so that waiting helps."""

    def __init__(self, *, backend: str, reason: str) -> None:
        super().__init__(backend=backend, reason=reason.rstrip(".") if reason.endswith(".") else reason)


class BackendDenied(BackendUnavailable):
    """The backend {backend} of the vault does not let its login do this: {reason}."""

    status = 409
    code = "vault.denied"
    title = "The vault's backend says no"
    remedy = "Extend the policy of the login there (the documentation of the vault shows one), then resume or replay."
    passes = False


class BackendMissing(BackendUnavailable):
    """A secret is kept in a backend that this workspace has not set up: {backend}, {reason}."""

    code = "vault.backend_missing"
    remedy = "Set the backend up again under Settings, Vault; runs wait and go on by themselves."

    def __init__(self, kind: str) -> None:
        super().__init__(backend=kind, reason=said("its address and login are gone"))


class BackendUnusable(Conflict):
    """The store was tried and does not work: {reason}"""

    code = "vault.backend_unusable"
    title = "Store not usable"
    remedy = "See to it, or to its settings; nothing was changed."

    def __init__(self, *, reason: str) -> None:
        super().__init__(what="", reason=reason)


class StoreReadOnly(Conflict):
    """The backend {kind} can only be read, and does not hold this value of {slug}."""

    code = "vault.read_only"
    remedy = "Let whoever runs the platform mount the value, then register the secret without entering it."

    def __init__(self, *, kind: str, slug: str) -> None:
        super().__init__(what="", kind=kind, slug=slug)


class SecretMovedOn(Conflict):
    """Version {number} of {slug} is live already, entered by {who}; nothing was changed."""

    code = "secret.moved_on"
    title = "Somebody was first"
    remedy = "Look whether that is the value you need; if not, do it again upon the present version."

    def __init__(self, *, slug: str, number: int, who: str) -> None:
        super().__init__(what="", slug=slug, number=number, who=who)


class NotRotatable(Conflict):
    """The platform can not rotate {slug} by itself: only who issues it can."""

    code = "secret.not_rotatable"
    remedy = "Make a new value there and enter it as a new version; let the rotation remind you."

    def __init__(self, *, slug: str) -> None:
        super().__init__(what="", slug=slug)


class NothingToCollect(Conflict):
    """Version {number} of {slug} was collected before, or was not made by the platform."""

    code = "secret.nothing_to_collect"
    remedy = "Rotate it again if its value is not known anywhere."

    def __init__(self, *, slug: str, number: int) -> None:
        super().__init__(what="", slug=slug, number=number)


class BreakGlassOff(IpaasError):
    """Nobody can read secrets here: IPAAS_BREAK_GLASS is off."""

    status = 403
    code = "secret.break_glass_off"
    title = "Reading is switched off"
    remedy = "Enter a new version if the value is lost. Whoever runs the platform can switch reading on for a while."
