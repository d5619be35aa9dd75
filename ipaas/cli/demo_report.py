"""The outcome of demo orders: how each ended by its run and by the vendors' books, and whether the two agree."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ipaas.cli.books import State

# What the books may say of an order whose run ended so; a run that failed for good may have come any distance.
_FITTING: Mapping[str, frozenset[str]] = {
    "succeeded": frozenset({"shipped"}),
    "compensated": frozenset({"compensated", "untouched"}),
    "dead": frozenset({"shipped", "compensated", "untouched", "unfinished"}),
    "needs_operator": frozenset({"shipped", "compensated", "untouched", "unfinished"}),
}
_WORDS = {"succeeded": "shipped", "dead": "dead letter", "needs_operator": "needs an operator"}
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Ended:
    """One order: status of its run (empty: it has none), why it failed, its state by the books, and what is wrong."""

    order_id: str
    status: str
    reason: str
    state: State
    offences: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        found = [f"{self.order_id}: {offence}" for offence in self.offences]
        fitting = _FITTING.get(self.status)
        if fitting is None:
            found.append(f"{self.order_id} has not ended: its run is {self.status or 'missing'}")
        elif self.state not in fitting:
            found.append(f"{self.order_id}: its run says {self.status}, the books say {self.state}")
        elif self.status in ("dead", "needs_operator") and not self.reason:
            found.append(f"{self.order_id} failed without a reason")
        return found


@dataclass(frozen=True, slots=True)
class Report:
    """All orders. ``repeats``: requests that the vendors knew already; ``rows`` in the warehouse, None without one."""

    orders: tuple[Ended, ...]
    effects: Counter[str]
    repeats: int
    rows: int | None
    seconds: float
    others: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        return [*self.others, *(problem for one in self.orders for problem in one.problems)]

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def twice(self) -> int:
        """Effects that happened more than once for the same thing."""
        return sum("times" in offence for one in self.orders for offence in one.offences)

    def ends(self) -> Counter[str]:
        return Counter(_WORDS.get(one.status, one.status or "no run") for one in self.orders)

    def as_json(self) -> str:
        shown = {
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "orders": len(self.orders),
            "ends": dict(self.ends()),
            "effects": dict(sorted(self.effects.items())),
            "repeats": self.repeats,
            "warehouse_rows": self.rows,
            "twice": self.twice,
            "reasons": {one.order_id: one.reason for one in self.orders if one.reason},
            "problems": self.problems,
        }
        return json.dumps(shown)

    def as_text(self) -> str:
        lines = [f"\n{len(self.orders)} orders in {self.seconds:.1f} s"]
        lines += [f"  {word:<18} {number:>6}" for word, number in self.ends().most_common()]
        reasons = Counter(one.reason for one in self.orders if one.reason and one.status != "succeeded")
        lines += [f"    {number} × {reason}" for reason, number in reasons.most_common(_SHOWN)]
        lines.append("By the vendors' own books")
        lines += [f"  {what:<26} {number:>6}" for what, number in sorted(self.effects.items())]
        rows = "not part of this demo" if self.rows is None else f"{self.rows:>6}"
        lines += [f"  {'warehouse rows':<26} {rows}", f"  {'repeats recognised':<26} {self.repeats:>6}"]
        lines.append(f"  {'happened twice':<26} {self.twice:>6}")
        problems = self.problems
        if not problems:
            lines.append("Every order ended, nothing happened twice, and runs and books agree.")
        else:
            lines += ["Checks failed:", *(f"  {problem}" for problem in problems[:_SHOWN])]
            if len(problems) > _SHOWN:
                lines.append(f"  … and {len(problems) - _SHOWN} more")
        return "\n".join(lines)
