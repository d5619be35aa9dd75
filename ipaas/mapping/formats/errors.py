"""What is wrong with an input, or has no place in an output."""

from typing import ClassVar

from ipaas.core.errors import ErrorClass, IpaasError


class FormatFailed(IpaasError):
    """{place}{reason}."""

    status = 422
    code = "mapping.format"
    title = "Input or output does not fit its format"
    remedy = "Compare it with the description under input or output of the mapping."
    error_class: ClassVar[ErrorClass] = ErrorClass.CONTRACT_VIOLATION


def failed(reason: str, *, line: int | None = None, unit: str = "line") -> FormatFailed:
    """``line`` counts from 1, in what ``unit`` says."""
    return FormatFailed(place=f"{unit} {line}: " if line is not None else "", reason=reason.rstrip("."))
