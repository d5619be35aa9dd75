"""What can go wrong when a target is made: each says the field, the expression and the places it read, no value."""

from collections.abc import Iterable
from typing import ClassVar

from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.expressions import ExpressionError, ExpressionLimit, ExpressionUndefined


class MappingFailed(IpaasError):
    """The field {field} could not be made from {reads}: {reason}"""

    status = 422
    code = "mapping.field"
    title = "Mapping failed"
    remedy = "Correct the expression {expression}, or the input it reads."
    error_class: ClassVar[ErrorClass] = ErrorClass.CONTRACT_VIOLATION


class MappingMissing(MappingFailed):
    """The field {field} could not be made from {reads}: {reason}"""

    code = "mapping.missing"
    title = "Input of a mapping missing"
    remedy = "Send what {expression} reads, or say what an absent input means with on_missing or default."


class LookupMissed(MappingFailed):
    """The field {field} could not be made from {reads}: {reason}"""

    code = "mapping.lookup"
    title = "No row in a lookup"
    remedy = "Add the row to the lookup, or give {expression} a default."


class MappingLimit(MappingFailed):
    """The field {field} could not be made from {reads}: {reason}"""

    code = "mapping.limit"
    title = "Mapping too expensive"
    remedy = "Give it less data at once, or make {expression} simpler."


class RowMissing(ExpressionUndefined):
    """{place}{reason}."""

    code = "expression.lookup"
    title = "No row in a lookup"


_SHOWN = 8


def failed(path: str, expression: str, failure: BaseException, kinds: Iterable[tuple[str, str]] = ()) -> MappingFailed:
    """The error of a field; ``kinds`` are the places it read, each with the kind of what was there."""
    read = [f"{place} ({kind.removeprefix('an ').removeprefix('a ')})" for place, kind in kinds]
    more = f" and {len(read) - _SHOWN} more" if len(read) > _SHOWN else ""
    if isinstance(failure, ExpressionError):
        reason, hint = failure.reason, failure.hint
    elif isinstance(failure, RecursionError):
        reason, hint = "the data is nested too deeply", "Flatten it first."
    else:
        reason, hint = "the data is not JSON", "Put only JSON values in scope."
    return _kind(failure)(
        field=path or "(all)",
        expression=expression,
        reads=", ".join(read[:_SHOWN]) + more or "constants",
        reason=reason,
        hint=hint,
        position=getattr(failure, "position", None),
    )


def _kind(failure: BaseException) -> type[MappingFailed]:
    if isinstance(failure, RowMissing):
        return LookupMissed
    if isinstance(failure, ExpressionUndefined):
        return MappingMissing
    return MappingLimit if isinstance(failure, ExpressionLimit | RecursionError) else MappingFailed
