"""Registered names of audited deeds, each with what it means (shown in docs and in the audit page)."""

_actions: dict[str, str] = {}


def register_actions(names: dict[str, str]) -> None:
    """Make action names known; an app does this once at start-up."""
    _actions.update(names)


def known_actions() -> dict[str, str]:
    return dict(sorted(_actions.items()))


def known_action(name: str) -> str:
    """Guard against a misspelt action, which no filter would ever find."""
    if name not in _actions:
        message = f"unknown audit action {name!r}"
        raise LookupError(message)
    return name
