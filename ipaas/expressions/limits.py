"""How much one expression may be, take and make."""

import hashlib
import time
from typing import Any, Final

from ipaas.expressions.errors import ExpressionLimit

MAX_SOURCE: Final = 10_000
"""Characters of one expression."""
MAX_NODES: Final = 2_000
"""Syntax nodes of one expression."""
MAX_DEPTH: Final = 40
"""Levels of nesting of one expression."""
MAX_TEXT: Final = 1_048_576
"""Characters of any text that is made."""
MAX_LIST: Final = 100_000
"""Elements of any list that is made."""
MAX_STEPS: Final = 1_000_000
"""Steps of one evaluation: one per element visited and per 16 characters made."""
MAX_SECONDS: Final = 2.0
"""Wall time of one evaluation, looked at every 10,000 steps."""

_LOOK_EVERY = 10_000


class Budget:
    """Steps and time left to one evaluation; ``draws`` gives its recorded randomness, ``rows`` notes rows looked up."""

    __slots__ = ("deadline", "draws", "left", "next_look", "rows")

    def __init__(self, steps: int = MAX_STEPS, *, deadline: float = 0.0, draws: "Draws | None" = None) -> None:
        self.left = steps
        self.next_look = max(steps - _LOOK_EVERY, 0)
        self.deadline = deadline
        self.draws = draws
        self.rows: list[tuple[str, int]] | None = None

    def spend(self, steps: int) -> None:
        """Take steps before doing the work; raises ``ExpressionLimit`` when none are left."""
        self.left -= steps
        if self.left < self.next_look:
            self._look()

    def text(self, length: int) -> None:
        """Take what a new text of this length costs."""
        if length > MAX_TEXT:
            raise ExpressionLimit(f"a text of {length} characters is too long, {MAX_TEXT} are allowed", hint=_SMALLER)
        self.spend((length >> 4) + 1)

    def list(self, length: int) -> None:
        """Take what a new list of this length costs."""
        if length > MAX_LIST:
            raise ExpressionLimit(f"a list of {length} elements is too long, {MAX_LIST} are allowed", hint=_SMALLER)
        self.spend(length + 1)

    def _look(self) -> None:
        now = time.monotonic()
        if self.deadline == 0.0:
            self.deadline = now + MAX_SECONDS
        if self.left < 0 or now > self.deadline:
            raise ExpressionLimit(reason="it takes too many steps", hint=_SMALLER)
        self.next_look = max(self.left - _LOOK_EVERY, 0)


class Draws:
    """Randomness that is the same whenever the same seed draws in the same order."""

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.sha256(seed.encode())
        self._count = 0

    def next(self) -> bytes:
        """The next 32 bytes."""
        self._count += 1
        digest = self._seed.copy()
        digest.update(self._count.to_bytes(8, "big"))
        return digest.digest()


_SMALLER = "Work on less data at once: select first, or divide the work with a for-each block."


def weigh(budget: Budget, value: Any) -> Any:
    """Take what a whole value costs, each place counted where parts are shared; gives the value back."""
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is str:
            budget.spend((len(item) >> 4) + 1)
        elif kind is dict or isinstance(item, dict):
            budget.spend(2 * len(item) + 1)
            pending.extend(item.values())
        elif kind is list or isinstance(item, list | tuple):
            budget.spend(len(item) + 1)
            pending.extend(item)
    return value
