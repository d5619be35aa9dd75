"""Poll triggers: what is asked for, and the items, cursor and rest of a page."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipaas.core.errors import ErrorClass
from ipaas.expressions import compile_expression, compile_value
from ipaas.sdk.errors import ActionError
from ipaas.sdk.manifest import TriggerSpec
from ipaas.sdk.pages import bare
from ipaas.sdk.schemas import compile_schema, findings, with_defaults

Settle = Callable[[bool], Awaitable[None]]
"""Acknowledges what a queue gave: True when it is stored, False when it is not and shall come again."""


@dataclass(frozen=True, slots=True)
class PollItem:
    """One item of a poll; ``key`` identifies the delivery (same key, same event)."""

    key: str
    event_type: str
    data: Any


@dataclass(frozen=True, slots=True)
class PollPage:
    """Store the items first, then keep ``cursor``: a crash in between repeats items, whose keys are known.

    ``settle`` is awaited once afterwards, with whether they are stored.
    """

    items: Sequence[PollItem]
    cursor: Any
    more: bool
    settle: Settle | None = None


class CompiledPoll:
    """One poll trigger; ``params`` is what a flow says about it."""

    def __init__(self, spec: TriggerSpec) -> None:
        self.spec = spec
        self._params = compile_value(dict(spec.params))
        self._validator = compile_schema(dict(spec.params_schema) or False)
        self._items = compile_expression(bare(spec.items))
        self._key = compile_value(spec.key if "{{" in spec.key else "{{ " + spec.key + " }}")
        self._next = compile_expression(bare(spec.next_cursor)) if spec.next_cursor else None
        self._more = compile_expression(bare(spec.more)) if spec.more else None

    def asked(self, params: Mapping[str, Any], cursor: Any, config: Mapping[str, Any]) -> Any:
        """The parameters of the action. Raises ActionError for what the trigger does not take."""
        wrong = findings(self._validator, dict(params)) if params or self.spec.params_schema else []
        if wrong:
            told = f"{wrong[0]['path'] or 'params'}: {wrong[0]['message']}"
            raise ActionError(ErrorClass.CONFIGURATION, "poll_params", f"The flow's trigger can not be used: {told}.")
        given = with_defaults(dict(self.spec.params_schema), dict(params))
        return self._params.evaluate({"cursor": cursor, "config": config, "params": given})

    def page(self, data: Any, cursor: Any, *, moves: bool) -> PollPage:
        found = self._items.evaluate({"data": data})
        if not isinstance(found, list):
            message = "The page holds no list of items."
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, "poll_items", message, sent=True)
        items = [
            PollItem(str(self._key.evaluate({"item": item})), self.spec.event or self.spec.name, item) for item in found
        ]
        scope = {"data": data, "items": found, "cursor": cursor}
        following = self._next.evaluate(scope) if self._next and (found or moves) else cursor
        return PollPage(items, following, bool(self._more.evaluate(scope)) if self._more else False)
