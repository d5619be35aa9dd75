"""Errors of all kinds as the pipeline's failures."""

from collections.abc import Mapping

from ipaas.catalog.errors import (
    CredentialDetached,
    CredentialUnreadable,
    NoFilesAllowed,
    NotConnected,
    ReconnectNeeded,
    TargetNotBound,
    TokenBusy,
)
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.net import NetError
from ipaas.policies.pipeline import Failure
from ipaas.sdk.auth import CredentialUnusable
from ipaas.sdk.errors import ActionError
from ipaas.sdk.tokens import TokenRefused
from ipaas.vault.errors import BackendDenied, BackendUnavailable

_CLASSES: Mapping[type[IpaasError], ErrorClass] = {
    TokenRefused: ErrorClass.AUTH,
    TokenBusy: ErrorClass.TRANSIENT,
    BackendDenied: ErrorClass.CONFIGURATION,
    BackendUnavailable: ErrorClass.TRANSIENT,
    ReconnectNeeded: ErrorClass.AUTH,
    NotConnected: ErrorClass.AUTH,
    CredentialDetached: ErrorClass.CONFIGURATION,
    CredentialUnreadable: ErrorClass.CONFIGURATION,
    CredentialUnusable: ErrorClass.CONFIGURATION,
    TargetNotBound: ErrorClass.CONFIGURATION,
    NoFilesAllowed: ErrorClass.CONFIGURATION,
}


def action_error(error: IpaasError) -> ActionError | NetError:
    """What a connector sees of our own errors, classed; those of the network and of actions stay as they are."""
    if isinstance(error, ActionError | NetError):
        return error
    failure = failure_of(error)
    return ActionError(failure.error_class, failure.code, failure.message)


def failure_of(error: Exception, *, sent: bool = False, default: ErrorClass = ErrorClass.INTERNAL) -> Failure:
    """An error in the pipeline's words; ``sent`` counts for errors that do not say it themselves."""
    if isinstance(error, ActionError):
        doubtful = sent or (error.sent and error.applied is not False)
        return Failure(
            error.error_class,
            error.vendor_code,
            error.message,
            error.http_status,
            error.retryable,
            error.retry_after_s,
            doubtful,
        )
    if isinstance(error, NetError):
        return Failure(error.error_class, error.code, error.detail, sent=error.sent or sent)
    if isinstance(error, IpaasError):
        found = next((found for kind, found in _CLASSES.items() if isinstance(error, kind)), default)
        return Failure(found, error.code, f"{error.detail} {error.advice}".strip(), sent=sent)
    if isinstance(error, TimeoutError):
        return Failure(ErrorClass.TIMEOUT, "timeout", "The other side did not answer in time.", sent=sent)
    name = type(error).__name__
    return Failure(ErrorClass.INTERNAL, "connector_defect", f"The connector failed unexpectedly ({name}).", sent=sent)
