"""A filter of runs as an address, the API, the command line and a saved filter write it: names and texts."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ipaas.accounts.models import Environment
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, InvalidInput
from ipaas.core.phrases import said
from ipaas.flows.models import Flow, FlowVersion
from ipaas.runtime.models import Run
from ipaas.runtime.reading import RunFilter

PARAMETERS = (
    "q", "status", "flow", "environment", "version", "step", "error_class", "longer", "shorter", "since", "until",
)  # fmt: skip
MOST_CHARS = 500
MOST_SECONDS = 400 * 86_400
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(ms|s|min|h|d)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400}


def run_filter(
    actor: Actor, query: Mapping[str, str], environments: Mapping[str, UUID] | None = None
) -> tuple[RunFilter, list[dict[str, str]]]:
    """What a query asks for, and what is wrong with it; a condition at fault is left out.

    ``since`` and ``until`` are times with their zone, or a span before now such as ``24h``; ``longer`` and ``shorter``
    are spans such as ``30s``; ``version`` is the number of a version of ``flow``. ``environments`` are the ids by slug
    where the caller has them.
    """
    reading = _Reading(actor, query, environments)
    return reading.found(), reading.errors


def run_filter_or_refuse(actor: Actor, query: Mapping[str, str]) -> RunFilter:
    """The same for programs: raises ``InvalidInput`` with everything that is wrong."""
    found, errors = run_filter(actor, query)
    if errors:
        raise InvalidInput(errors)
    return found


def span_s(text: str) -> float | None:
    """Seconds of ``90``, ``30s``, ``5 min``, ``250ms``; None for anything else."""
    match = _SPAN.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2] or "s"] if match is not None else -1.0
    return seconds if 0 <= seconds <= MOST_SECONDS else None


class _Reading:
    def __init__(self, actor: Actor, query: Mapping[str, str], environments: Mapping[str, UUID] | None) -> None:
        self._environments = environments
        self.actor, self.errors = actor, list[dict[str, str]]()
        given = {name: query.get(name, "").replace("\x00", "").strip() for name in PARAMETERS}
        self.query = {name: text[:MOST_CHARS] for name, text in given.items()}

    def found(self) -> RunFilter:
        flow = self._flow()
        return RunFilter(
            text=self.query["q"],
            status=self._one_of("status", Run.Status.values, said("state of a run")),
            error_class=self._one_of("error_class", [one.value for one in ErrorClass], said("error class")),
            flow_id=None if flow is None else flow.id,
            environment_id=self._environment(),
            version_id=self._version(flow),
            step=self.query["step"],
            longer_s=self._span("longer"),
            shorter_s=self._span("shorter"),
            since=self._moment("since"),
            until=self._moment("until"),
        )

    def _fault(self, name: str, message: str) -> None:
        self.errors.append({"path": name, "code": f"filter.{name}", "message": message})

    def _one_of(self, name: str, known: list[str], what: str) -> str:
        text = self.query[name]
        if text and text not in known:
            self._fault(name, said("there is no {what} {text!r}", what=what, text=text[:40]))
            return ""
        return text

    def _flow(self) -> Flow | None:
        slug = self.query["flow"]
        found: Flow | None = Flow.objects.visible_to(self.actor).filter(slug=slug).first() if slug else None
        if slug and found is None:
            self._fault("flow", said("there is no flow {slug!r}", slug=slug[:80]))
        return found

    def _environment(self) -> Any:
        slug = self.query["environment"]
        if not slug or self.actor.workspace_id is None:
            return None
        known = self._environments
        if known is None:
            found = Environment.objects.filter(workspace_id=self.actor.workspace_id, slug=slug)
            known = dict(found.values_list("slug", "id"))
        environment_id = known.get(slug)
        if environment_id is None:
            self._fault("environment", said("there is no environment {slug!r}", slug=slug[:80]))
        return environment_id

    def _version(self, flow: Flow | None) -> Any:
        text = self.query["version"]
        if not text:
            return None
        if flow is None:
            self._fault("version", said("name the flow of this version with it"))
            return None
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        found = FlowVersion.objects.filter(document_id=flow.id, number=number).values_list("id", flat=True).first()
        if found is None:
            self._fault("version", said("there is no version {text!r} of this flow", text=text[:20]))
        return found

    def _span(self, name: str) -> float | None:
        text = self.query[name]
        found = span_s(text) if text else None
        if text and found is None:
            self._fault(name, said("{text!r} is no length of time such as 30s, 5min or 2h", text=text[:40]))
        return found

    def _moment(self, name: str) -> datetime | None:
        text = self.query[name]
        if not text:
            return None
        before = span_s(text)
        if before is not None:
            return now() - timedelta(seconds=before)
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return max(moment.astimezone(UTC), datetime.fromtimestamp(0, tz=UTC))
        except (ValueError, OverflowError):
            self._fault(
                name,
                said("{text!r} is neither a time such as 2030-01-31T12:00:00Z nor a span such as 24h", text=text[:40]),
            )
            return None
