"""Reading runs and what waits for a person."""

from typing import TYPE_CHECKING

from ipaas.core.querysets import OfFlowsQuerySet

if TYPE_CHECKING:
    from ipaas.runtime.models import Approval, DeadLetter, Run  # noqa: F401 - named in strings below


class RunQuerySet(OfFlowsQuerySet["Run"]):
    """Runs of flows."""


class DeadLetterQuerySet(OfFlowsQuerySet["DeadLetter"]):
    """Dead letters of flows."""


class ApprovalQuerySet(OfFlowsQuerySet["Approval"]):
    """Questions that flows ask people."""
