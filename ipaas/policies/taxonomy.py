"""What each error class means for retrying and for the health of the other side; the platform's default table."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ipaas.core.errors import ErrorClass


@dataclass(frozen=True, slots=True)
class ClassRule:
    """``retryable``: the same request may succeed later. ``unhealthy``: it counts against the breaker."""

    retryable: bool
    unhealthy: bool
    meaning: str


RULES: Mapping[ErrorClass, ClassRule] = MappingProxyType(
    {
        ErrorClass.TRANSIENT: ClassRule(True, True, "The other side or the way to it failed for now."),
        ErrorClass.THROTTLED: ClassRule(True, False, "The other side asks for fewer calls."),
        ErrorClass.TIMEOUT: ClassRule(True, True, "No complete answer in time."),
        ErrorClass.AUTH: ClassRule(False, False, "The credential is missing, wrong or expired."),
        ErrorClass.CONTRACT_VIOLATION: ClassRule(
            False, False, "The answer or the input has another shape than agreed."
        ),
        ErrorClass.BUSINESS_REJECTION: ClassRule(False, False, "Understood and refused, for a reason of the business."),
        ErrorClass.NOT_FOUND: ClassRule(False, False, "What the call refers to does not exist."),
        ErrorClass.CONFLICT: ClassRule(False, False, "The state of the other side contradicts the call."),
        ErrorClass.CONFIGURATION: ClassRule(False, False, "The connection, the flow or the egress settings are wrong."),
        ErrorClass.INTERNAL: ClassRule(False, False, "A fault of the platform or of the connector."),
        ErrorClass.OUTCOME_UNKNOWN: ClassRule(False, False, "Nobody can tell whether the effect happened."),
    }
)


def is_retryable(error_class: ErrorClass, override: bool | None = None) -> bool:
    """Whether a failure may be retried; a connector's rule may override its class."""
    return RULES[error_class].retryable if override is None else override
