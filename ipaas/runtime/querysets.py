"""Reading runs and what waits for a person."""

from typing import TYPE_CHECKING, Self

from django.db.models import TextField
from django.db.models.expressions import RawSQL

from ipaas.core.querysets import OfFlowsQuerySet

if TYPE_CHECKING:
    from ipaas.runtime.models import Approval, DeadLetter, Run  # noqa: F401 - named in strings below


_STEPS_DIGEST = """
SELECT md5(string_agg(concat_ws('/', seq, status, attempts, due_at), ',' ORDER BY seq))
FROM runtime_steprun WHERE run_id = runtime_run.id
"""


class RunQuerySet(OfFlowsQuerySet["Run"]):
    """Runs of flows."""

    def with_steps_digest(self) -> Self:
        """Each with ``steps_digest``, which changes whenever one of its steps does; None before the first."""
        return self.annotate(steps_digest=RawSQL(_STEPS_DIGEST, [], output_field=TextField(null=True)))  # noqa: S611 - ours


class DeadLetterQuerySet(OfFlowsQuerySet["DeadLetter"]):
    """Dead letters of flows."""


class ApprovalQuerySet(OfFlowsQuerySet["Approval"]):
    """Questions that flows ask people."""
