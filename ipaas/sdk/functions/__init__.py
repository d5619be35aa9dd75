"""Callable functions: Python of your own, described by schemas and run in a process apart.

A folder ``<slug>/`` holds ``functions.yaml``, which describes, and ``functions.py``, in which a function of each name
takes one JSON object and returns a JSON value. It becomes a connector whose actions are the functions.
"""


class Rejected(Exception):
    """Raised by a function that refuses its input: the message is shown, the step fails as a business rejection."""

    def __init__(self, message: str, code: str = "rejected") -> None:
        super().__init__(message)
        self.params = {"message": str(message)[:500], "code": str(code)[:80]}


__all__ = ["Rejected"]
