"""The settings of a workspace: the one list that pages, the API and the service go by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.core.document_types import document_kinds
from ipaas.core.errors import InvalidInput
from ipaas.core.net import UrlRefused, parse_allowed
from ipaas.core.phrases import said

MOST_TARGETS = 200
LONGEST_TARGET = 300
COMPATIBILITY = (
    "none", "backward", "backward_transitive", "forward", "forward_transitive", "full", "full_transitive",
)  # fmt: skip
MOST_DAYS = 180


@dataclass(frozen=True, slots=True)
class WorkspaceSetting:
    """``schema``: JSON Schema of a value, null aside; ``check`` raises InvalidInput with the place of each fault."""

    name: str
    doc: str
    schema: Mapping[str, Any]
    check: Callable[[Any], None]


def _check_egress(entries: Any) -> None:
    if not isinstance(entries, list):
        raise _invalid("egress_allow", "egress.form", said("is a list of host:port"))
    if len(entries) > MOST_TARGETS:
        raise _invalid("egress_allow", "egress.many", said("has at most {most} targets", most=MOST_TARGETS))
    for number, entry in enumerate(entries):
        place = f"egress_allow/{number}"
        if not isinstance(entry, str) or len(entry) > LONGEST_TARGET:
            raise _invalid(place, "egress.entry", said("is a text of at most {most} characters", most=LONGEST_TARGET))
        try:
            parse_allowed(entry)
        except UrlRefused as error:
            raise _invalid(place, "egress.entry", error.detail) from None


def _check_switch(value: Any) -> None:
    if not isinstance(value, bool):
        raise _invalid("require_two_factor", "setting.form", said("is true or false"))


def _check_compatibility(value: Any) -> None:
    if value not in COMPATIBILITY:
        raise _invalid(
            "schema_compatibility", "setting.form", said("is one of {modes}", modes=", ".join(COMPATIBILITY))
        )


def _invalid(path: str, code: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "code": code, "message": message}])


RULES = ("none", "steward", "four_eyes")


def _check_rules(value: Any) -> None:
    kinds = document_kinds()
    if not isinstance(value, dict):
        raise _invalid("review_policy", "setting.form", said("is an object of kinds and rules"))
    for kind, rule in value.items():
        if kind not in kinds:
            message = said(
                "there is no kind of document {kind!r}; there is {kinds}", kind=str(kind)[:40], kinds=", ".join(kinds)
            )
            raise _invalid(f"review_policy/{str(kind)[:40]}", "document.kind", message)
        if rule not in RULES:
            raise _invalid(f"review_policy/{kind}", "setting.form", said("is one of {rules}", rules=", ".join(RULES)))


def _check_bypass(value: Any) -> None:
    if not isinstance(value, bool):
        raise _invalid("review_bypass", "setting.form", said("is true or false"))


def _check_days(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_DAYS:
        raise _invalid("review_days", "setting.form", said("is a number of days from 1 to {most}", most=MOST_DAYS))


_ALL = (
    WorkspaceSetting(
        name="egress_allow",
        doc="Private targets, each host:port, that connections of the workspace may call; all others are refused.",
        schema={
            "type": "array",
            "items": {"type": "string", "maxLength": LONGEST_TARGET},
            "maxItems": MOST_TARGETS,
        },
        check=_check_egress,
    ),
    WorkspaceSetting(
        name="require_two_factor",
        doc="Whether people must have a second factor (an app's codes or a passkey) to enter the workspace.",
        schema={"type": "boolean"},
        check=_check_switch,
    ),
    WorkspaceSetting(
        name="schema_compatibility",
        doc="Which changes of schemas may be published where the schema itself does not say; backward without it.",
        schema={"type": "string", "enum": list(COMPATIBILITY)},
        check=_check_compatibility,
    ),
    WorkspaceSetting(
        name="review_policy",
        doc="By kind of document, what a new version needs before it is published: none, steward, or four_eyes.",
        schema={"type": "object", "additionalProperties": {"enum": list(RULES)}},
        check=_check_rules,
    ),
    WorkspaceSetting(
        name="review_bypass",
        doc="Whether an administrator may publish past a review in an emergency, with a reason; true without it.",
        schema={"type": "boolean"},
        check=_check_bypass,
    ),
    WorkspaceSetting(
        name="review_days",
        doc="After how many days an undecided review, or an approval that nobody used, expires; 14 without it.",
        schema={"type": "integer", "minimum": 1, "maximum": MOST_DAYS},
        check=_check_days,
    ),
)
SETTINGS: Mapping[str, WorkspaceSetting] = {one.name: one for one in _ALL}


def check_settings(given: Mapping[str, Any]) -> None:
    """Raise InvalidInput for unknown names and for values that are not of their form; None always is."""
    known = ", ".join(sorted(SETTINGS))
    unknown = sorted(set(given) - SETTINGS.keys())
    if unknown:
        message = said("there is no such setting of a workspace; there is {known}", known=known)
        raise InvalidInput([{"path": name[:80], "code": "setting.unknown", "message": message} for name in unknown])
    for name, value in given.items():
        if value is not None:
            SETTINGS[name].check(value)
