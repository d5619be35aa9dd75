"""Checking triggers: clocks, time zones, connections."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from ipaas.core.document_forms import Finding, did_you_mean
from ipaas.core.phrases import said
from ipaas.flows.bounds import MAX_WAIT_S, MIN_POLL_S, duration_findings
from ipaas.flows.catalogue import Catalogue
from ipaas.flows.scope import START_NAMES, Scope
from ipaas.sdk.schemas import compile_schema, findings

_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


@cache
def time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def trigger_findings(trigger: dict[str, Any], catalogue: Catalogue | None) -> Iterator[Finding]:
    """What is wrong with a trigger of valid form."""
    kind, spec = next(iter(trigger.items()))
    path = f"/trigger/{kind}"
    if kind == "schedule":
        yield from _schedule(spec, path)
    elif kind == "poll":
        yield from duration_findings(spec["every"], f"{path}/every", low=MIN_POLL_S, high=MAX_WAIT_S)
        yield from _poll(spec, path, catalogue)
    elif kind == "event" and "filter" in spec:
        yield from Scope(names=START_NAMES).expression(spec["filter"], f"{path}/filter")


def _schedule(spec: dict[str, Any], path: str) -> Iterator[Finding]:
    zone = spec.get("timezone", "UTC")
    if zone not in time_zones():
        yield Finding(
            f"{path}/timezone",
            "flow.time_zone",
            said("there is no time zone {zone!r}{hint}", zone=zone, hint=_near(zone)),
        )
    problem = cron_problem(spec["cron"])
    if problem:
        yield Finding(f"{path}/cron", "flow.cron", problem)


def _near(zone: str) -> str:
    hint = did_you_mean(zone, time_zones())
    return hint if hint.startswith("; did") else said("; write one such as Europe/Berlin")


def cron_problem(cron: str) -> str:
    """Why a cron expression is not one, "" when it is."""
    if len(cron.split()) != 5:
        return said("five fields are needed: minute, hour, day of month, month, day of week")
    try:
        next(CronSim(cron, _SOME_DAY))
    except CronSimError as error:
        return said("{cron!r} is not a cron expression: {error}", cron=cron, error=error)
    except StopIteration:
        return said("{cron!r} never comes true", cron=cron)
    return ""


def _poll(spec: dict[str, Any], path: str, catalogue: Catalogue | None) -> Iterator[Finding]:
    if catalogue is None:
        return
    found = catalogue.connections.get(spec["connection"])
    if found is None:
        hint = did_you_mean(spec["connection"], catalogue.connections)
        yield Finding(
            f"{path}/connection",
            "flow.unknown_connection",
            said("no connection {connection!r}{hint}", connection=spec["connection"], hint=hint),
        )
    elif spec["trigger"] not in found.polls:
        hint = did_you_mean(spec["trigger"], found.polls)
        yield Finding(
            f"{path}/trigger",
            "flow.unknown_trigger",
            said("{connector} can not poll that{hint}", connector=found.connector, hint=hint),
        )
    else:
        yield from _poll_params(spec.get("params", {}), found.polls[spec["trigger"]], f"{path}/params")


def _poll_params(params: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[Finding]:
    if not schema and params:
        yield Finding(path, "flow.poll_params", said("this trigger takes nothing from a flow"))
    for one in findings(compile_schema(dict(schema)), params) if schema else ():
        place = f"{path}/{one['path'].replace('.', '/')}".rstrip("/")
        yield Finding(place, "flow.poll_params", one["message"])
