"""How a walk through the blocks of a run ends early: raised where it happens, decided about in ``runtime.drive``."""

from dataclasses import dataclass
from datetime import datetime

from ipaas.core.errors import ErrorClass


@dataclass(slots=True)
class Failure(Exception):
    """A step failed for good."""

    path: str
    item: str
    error_class: ErrorClass
    code: str
    message: str

    def __post_init__(self) -> None:
        self.code, self.message = storable(self.code), storable(self.message)
        Exception.__init__(self, self.message)


class Suspended(Exception):  # not an error: control flow of the walk
    """Nothing can go on before ``due_at``. ``in_doubt``: an effect may have happened, and is to be settled first."""

    def __init__(self, due_at: datetime, *, in_doubt: bool = False) -> None:
        self.due_at, self.in_doubt = due_at, in_doubt
        super().__init__(due_at.isoformat())


class Stopped(Exception):  # not an error: a stop block was reached
    """The flow ends here as it says itself."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class OperatorNeeded(Exception):  # not an error of ours: the flow stops loudly
    """Only a person can say how to go on."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)


def storable(text: str) -> str:
    """A text as the database can keep it: PostgreSQL has no NUL."""
    return text.replace("\0", "\ufffd")
