"""What may be shown of a run: its values with everything masked that is secret or classified.

Masked are: places that the flow's schemas classify (``plan.redaction``), fields that connectors call sensitive, keys
with sensitive names, every value of the workspace's vault, and copies of all of these in other places and in texts.
Redaction comes first, then values beyond ``MOST_CHARS`` are cut, with a note.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of
from ipaas.core import jsonio
from ipaas.core.pseudonyms import Pseudonymiser, Pseudonyms
from ipaas.core.redaction import Redactor, SecretValues, scrub_text, texts_of
from ipaas.flows.plan import Block, CallBlock, Plan
from ipaas.flows.queries import plan_for
from ipaas.runtime.deed_previews import Known, known_of
from ipaas.runtime.execution import value_key
from ipaas.runtime.inputs import Facts, facts_of, step_input, step_scope
from ipaas.runtime.models import Approval, Run
from ipaas.runtime.pauses import approval_aad
from ipaas.runtime.values import read_values
from ipaas.vault.errors import BackendUnavailable
from ipaas.vault.known import secret_values
from ipaas.vault.payloads import sealer_for

JSON = Any

MOST_CHARS = 32_000
NOT_CHECKED = "‹not shown while the store of secrets can not be used›"
MOST_OF_TEXT = 4_000
MOST_ITEMS = 100
MOST_MADE_UP = 2_000


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step's data; None where nothing is kept."""

    input: JSON
    output: JSON


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """What an attempt sent and got, as far as the policy captures it."""

    request: JSON
    response: JSON


class ShownRun:
    """Reads a run's sealed values once and gives them out masked and bounded."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.plan: Plan = plan_for(run.version_id)
        self._values = read_values(run)
        self._key = sealer_for(run.workspace_id).fingerprint_key
        self._vault = secret_values(run.workspace_id)

    @cached_property
    def _secrets(self) -> SecretValues:
        """The vault's values and those of every classified place, so that copies are found."""
        return self._vault.plus(texts_of(self._hidden_values))

    @cached_property
    def _hidden_values(self) -> list[JSON]:
        return list(self._hidden())

    @cached_property
    def _scope(self) -> Redactor:
        return Redactor(fields=self.plan.redaction, values=self._secrets, fingerprint_key=self._key)

    @cached_property
    def _facts(self) -> Facts:
        return facts_of(self.run, self.plan)

    @cached_property
    def _vendors(self) -> dict[str, dict[str, str]]:
        """Sensitive fields by path of a call step, as its connector names them."""
        calls = {block.path: block for block in self.plan.blocks.values() if isinstance(block, CallBlock)}
        named = {block.connection for block in calls.values()}
        found = Connection.objects.filter(
            workspace_id=self.run.workspace_id, environment_id=self.run.environment_id, slug__in=named
        )
        connections = {row.slug: row for row in found}
        return {path: _sensitive(connections.get(block.connection), block) for path, block in calls.items()}

    def _hidden(self) -> Iterator[JSON]:
        places = Redactor(fields=self.plan.redaction, fingerprint_key=self._key)
        yield from places.hidden({"trigger": self._values.get("trigger")})
        for name, value in self._values.items():
            path, _, rest = name.partition("#")
            what = rest.rpartition(".")[2] if rest else ""
            if what == "output" and path in self.plan.blocks:
                yield from places.hidden(_as_step(self.plan.blocks[path], value))
            if fields := self._vendors.get(path):
                yield from Redactor(fields=fields, fingerprint_key=self._key).hidden(_as_body(value))

    def made_up(self, block: Block, item: str, variables: Mapping[str, Any]) -> dict[str, Any] | None:
        """What expressions of a step saw, with made-up values in the place of all that is masked elsewhere.

        None when the input is no longer kept, can not be worked out any more, or holds more than ``MOST_MADE_UP``
        sensitive values.
        """
        if not self.has_input or len(self._hidden_values) > MOST_MADE_UP:
            return None
        scope = step_scope(self.plan, block, item, self._values, {**self._facts, "vars": variables})
        return None if scope is None else self._pseudonymiser.redact(scope)

    def made_up_value(self, path: str) -> JSON:
        """The trigger's body, or with a path what that step gave, made up likewise; None where it is not kept."""
        if len(self._hidden_values) > MOST_MADE_UP:
            return None
        if not path:
            trigger = self._pseudonymiser.redact({"trigger": self._values.get("trigger")})["trigger"]
            return trigger.get("body") if isinstance(trigger, Mapping) else None
        block, output = self.plan.blocks[path], self._values.get(value_key(path, "", "output"))
        return self._pseudonymiser.redact(_as_step(block, output))["steps"][block.id]["output"]

    @property
    def made_up_texts(self) -> frozenset[str]:
        """The values in it that are made up, as texts."""
        return self._pseudonymiser.made_up

    @cached_property
    def _pseudonymiser(self) -> Pseudonymiser:
        fields = dict(self.plan.redaction)
        for path, named in self._vendors.items():
            block = self.plan.blocks[path]
            fields |= {
                f"steps.{block.id}.output.{place.removeprefix('body.')}": label for place, label in named.items()
            }
            fields |= {f"steps.{block.id}.output.{place}": label for place, label in named.items()}
        return Pseudonymiser(
            fields=fields,
            secrets=self._secrets,
            pseudonyms=Pseudonyms(self._hidden_values, key=self._key),
            fingerprint_key=self._key,
        )

    def known(self) -> Known:
        """What the previews of deeds go by, without reading the values once more."""
        return known_of(self.run, self._values)

    # -- what is shown -------------------------------------------------------------------------------------------

    @property
    def has_input(self) -> bool:
        """Whether the input is still kept."""
        return "trigger" in self._values

    @property
    def trigger(self) -> JSON:
        """The whole trigger: event, headers, body."""
        return bounded(self._trigger)

    @property
    def input(self) -> JSON:
        """The trigger's body."""
        return bounded(self.whole_input)

    @property
    def whole_input(self) -> JSON:
        """The trigger's body masked but not cut, for an editor."""
        trigger = self._trigger
        return trigger.get("body") if isinstance(trigger, Mapping) else None

    @property
    def sealed_input(self) -> JSON:
        """The trigger's body in clear: never to be shown, only to be merged with what somebody edited."""
        return (self._values.get("trigger") or {}).get("body")

    def masked_input(self, body: JSON) -> JSON:
        """Another body, masked as the stored one is."""
        return self._scope.redact({"trigger": {"body": body}})["trigger"]["body"]

    def step(self, path: str, item: str = "") -> ShownStep:
        block = self.plan.blocks.get(path)
        output = self._values.get(value_key(path, item, "output"))
        if block is None:
            return ShownStep(None, self._masked(path, output))
        shown = self._scope.redact(_as_step(block, output))["steps"][block.id]["output"]
        given = step_input(self.plan, block, item, self._values, self._facts)
        return ShownStep(self._masked(path, given), self._masked(path, shown))

    def attempt(self, path: str, item: str, number: int) -> ShownAttempt:
        request = self._values.get(value_key(path, item, f"request.{number}"))
        response = self._values.get(value_key(path, item, f"response.{number}"))
        return ShownAttempt(self._masked(path, request), self._masked(path, response))

    def text(self, text: str | None) -> str:
        """A message of a vendor or of ours, without secrets and without copies of classified values."""
        return scrub_text(text or "", self._secrets)

    def value(self, value: JSON) -> JSON:
        """Any other document that belongs to the run, such as evidence."""
        return bounded(self._scope.redact(value))

    @cached_property
    def _trigger(self) -> JSON:
        return self._scope.redact({"trigger": self._values.get("trigger")})["trigger"]

    def _masked(self, path: str, value: JSON) -> JSON:
        if value is None:
            return None
        fields = self._vendors.get(path, {})
        redactor = Redactor(fields=fields, values=self._secrets, fingerprint_key=self._key)
        return bounded(_from_body(value, redactor.redact(_as_body(value))))


def shown_evidence(approval: Approval, shown: ShownRun) -> JSON:
    """The evidence of an approval, masked and bounded."""
    sealer = sealer_for(approval.workspace_id)
    clear = sealer.open(bytes(approval.evidence), approval_aad(approval.run_id, approval.seq))
    return shown.value(jsonio.loads(clear))


def shown_text(workspace_id: Any, text: str) -> str:
    """A text of a workspace without the values of its vault, where no payloads are read."""
    return text_scrubber(workspace_id)(text)


def text_scrubber(workspace_id: Any) -> Callable[[str], str]:
    """``shown_text`` for the texts of one list: what the vault holds is looked up once, when the first text comes.

    While the store of secrets can not be used nothing can be checked: the texts are left out, the list is not.
    """

    @cache
    def values() -> SecretValues | None:
        try:
            return secret_values(workspace_id)
        except BackendUnavailable:
            return None

    def scrubbed(text: str) -> str:
        known = values() if text else None
        return scrub_text(text, known) if known is not None else NOT_CHECKED if text else text

    return scrubbed


# -- where sensitive fields lie ------------------------------------------------------------------------------------


def _as_step(block: Block, output: JSON) -> dict[str, Any]:
    return {"steps": {block.id: {"output": output}}}


def _as_body(value: JSON) -> dict[str, Any]:
    """A value of a call, be it a request, a response, parameters or a result, with its content under ``body``."""
    if isinstance(value, Mapping) and "body" in value and ("method" in value or "status" in value):
        return dict(value)
    return {"body": value}


def _from_body(value: JSON, shown: Mapping[str, Any]) -> JSON:
    return shown if isinstance(value, Mapping) and "body" in value and len(shown) > 1 else shown["body"]


def _sensitive(connection: Connection | None, block: CallBlock) -> dict[str, str]:
    if connection is None:
        return {}
    try:
        manifest = connector_of(connection).manifest
    except ConnectorMissing:
        return {}
    action = manifest.actions.get(block.action)
    paths = (*manifest.sensitive, *(action.sensitive if action is not None else ()))
    return {path if "." not in path else f"body.{path}": "sensitive" for path in paths}


# -- size ----------------------------------------------------------------------------------------------------------


def bounded(value: JSON, most: int = MOST_CHARS) -> JSON:
    """The value, cut to about ``most`` characters: what is left out is named where it stood."""
    return _Cut(most).take(value)


class _Cut:
    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, value: JSON) -> JSON:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return self._object(value)
        if isinstance(value, list | tuple):
            return self._list(value)
        self._left -= 8
        return value

    def _text(self, value: str) -> str:
        size = min(MOST_OF_TEXT, max(self._left, 0))
        self._left -= min(len(value), size)
        return value if len(value) <= size else f"{value[:size]}… ({len(value) - size:,} more characters)"

    def _object(self, value: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, (name, item) in enumerate(value.items()):
            if self._left <= 0:
                found["…"] = f"{len(value) - number:,} more fields"
                break
            self._left -= len(name)
            found[self._text(name)] = self.take(item)
        return found

    def _list(self, value: Any) -> list[Any]:
        found: list[Any] = []
        for number, item in enumerate(value):
            if self._left <= 0 or number == MOST_ITEMS:
                found.append(f"… {len(value) - number:,} more items")
                break
            found.append(self.take(item))
        return found
