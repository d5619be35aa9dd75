"""Scripted faults: which request goes wrong, how, and how often; the dice are seeded."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ipaas.core.errors import InvalidInput
from ipaas.sdk.schemas import compile_schema, findings

KINDS = ("status", "reject", "delay", "reset", "half", "drift")

FAULT_SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["vendor", "kind"],
    "properties": {
        "vendor": {"type": "string", "maxLength": 121},
        "action": {"type": "string", "maxLength": 60},
        "kind": {"enum": list(KINDS)},
        "percent": {"type": "number", "minimum": 0, "maximum": 100},
        "when": {"enum": ["before", "after"]},
        "status": {"type": "integer", "minimum": 300, "maximum": 599},
        "retry_after": {"type": "string", "maxLength": 60, "pattern": "^[\\x20-\\x7E]*$"},
        "delay_ms": {"type": "integer", "minimum": 0, "maximum": 600_000},
        "body": {},
        "times": {"type": "integer", "minimum": 1},
        "seed": {"type": "integer"},
    },
}
_VALIDATOR = compile_schema(dict(FAULT_SCHEMA))


class FaultInvalid(InvalidInput):
    """The fault is not valid: {summary}"""

    code = "fault_invalid"
    title = "Fault invalid"


@dataclass(slots=True)
class Fault:
    """One script. ``when`` places status and reset before or after the effect; ``times`` bounds how often it fires."""

    id: str
    vendor: str
    kind: str
    action: str = "*"
    percent: float = 100
    when: str = "before"
    status: int = 503
    retry_after: str = ""
    delay_ms: int = 1000
    body: Any = None
    times: int | None = None
    seed: int = 0
    seen: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def fires(self) -> bool:
        """Throw the dice once; equal seeds give equal sequences."""
        if self.times is not None and self.fired >= self.times:
            return False
        self.seen += 1
        if self.dice.random() * 100 >= self.percent:
            return False
        self.fired += 1
        return True

    def as_document(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "dice"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one request: perhaps a delay, perhaps one fault."""

    delay_ms: int
    fault: Fault | None


NOTHING = Verdict(0, None)


class FaultBook:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._number = 0

    def add(self, document: Any, *, actions: Mapping[str, Any]) -> Fault:
        """Put a fault in force. ``actions``: vendor → its actions. Raises FaultInvalid."""
        errors = findings(_VALIDATOR, document)
        if not errors:
            known = actions.get(document["vendor"])
            name = document.get("action", "*")
            if known is None:
                errors = [{"path": "vendor", "code": "unknown", "message": f"known are {', '.join(sorted(actions))}"}]
            elif name != "*" and name not in known:
                errors = [{"path": "action", "code": "unknown", "message": f"known are {', '.join(sorted(known))}"}]
        if errors:
            raise FaultInvalid(errors)
        self._number += 1
        percent = float(document.get("percent", 100))  # exact numbers come as Decimal
        fault = Fault(id=f"f{self._number}", **{**document, "percent": percent})
        fault.dice.seed(f"{fault.seed}:{fault.vendor}:{fault.action}:{fault.kind}")
        self._faults[fault.id] = fault
        return fault

    def clear(self, *, vendor: str = "", fault_id: str = "") -> int:
        """Lift one fault, those of a vendor, or all; how many."""
        gone = [
            one.id
            for one in self._faults.values()
            if (not fault_id or one.id == fault_id) and (not vendor or one.vendor == vendor)
        ]
        for name in gone:
            del self._faults[name]
        return len(gone)

    def all(self) -> list[Fault]:
        return list(self._faults.values())

    def verdict(self, vendor: str, action: str) -> Verdict:
        """Delays add up; of the other kinds the first that fires counts."""
        if not self._faults:
            return NOTHING
        delay, chosen = 0, None
        for fault in self._faults.values():
            if fault.vendor != vendor or fault.action not in ("*", action) or (chosen and fault.kind != "delay"):
                continue
            if not fault.fires():
                continue
            if fault.kind == "delay":
                delay += fault.delay_ms
            else:
                chosen = fault
        return Verdict(delay, chosen)
