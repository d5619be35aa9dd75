"""Promotion: the version that one environment runs begins to run in the next, once all it needs is there."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from django.db import transaction

from ipaas.accounts.models import Environment
from ipaas.catalog.models import Connection
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import Conflict, NotFound
from ipaas.core.phrases import said
from ipaas.core.references import split_reference
from ipaas.events.models import Endpoint
from ipaas.flows.comparison import Comparison, compare
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.flows.usage import connections_in
from ipaas.flows.yaml_form import Written, written
from ipaas.governance.services import deploy
from ipaas.mapping.models import MappingVersion

_VARIABLE = re.compile(r"\bvars(?:\.([A-Za-z_]\w*)|\[['\"]([^'\"]+)['\"]\])")
_WORDS = frozenset({"title", "description", "owner", "reason", "tags"})
State = Literal["ready", "differs", "missing"]


class NotDeployedThere(Conflict):
    """{flow} does not run in {environment}, so that there is nothing to promote from there."""

    code: ClassVar[str] = "promotion.nothing"
    remedy: ClassVar[str] = "Deploy a version there first, or promote from another environment."


class PromotionBlocked(Conflict):
    """{environment} lacks what {flow} needs: {missing}."""

    code: ClassVar[str] = "promotion.blocked"
    remedy: ClassVar[str] = "Add what is missing in that environment and promote again."


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the version needs in the target: ``missing`` stops the promotion, ``differs`` is worth a look."""

    kind: Literal["connection", "variable", "endpoint", "flow"]
    name: str
    state: State
    note: str = ""


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a promotion would do; ``current`` is the version that the target runs now, None for none."""

    flow: Flow
    source: Environment
    target: Environment
    version: FlowVersion
    current: FlowVersion | None
    comparison: Comparison
    needs: tuple[Need, ...]

    @property
    def missing(self) -> list[Need]:
        return [need for need in self.needs if need.state == "missing"]

    @property
    def changes_nothing(self) -> bool:
        return self.current is not None and self.current.id == self.version.id


def plan_promotion(*, actor: Actor, flow: Flow, source: Environment, target: Environment) -> Promotion:
    """What promoting a flow would change, and what the target lacks. Raises ``NotDeployedThere``."""
    require_permission(actor, "flows.view", flow)
    return _plan(flow, source, target)


def _plan(flow: Flow, source: Environment, target: Environment) -> Promotion:
    for place in (source, target):
        if place.workspace_id != flow.workspace_id:
            raise NotFound(what="environment")
    if source.id == target.id:
        raise Conflict(what=said("A flow is promoted from one environment to another one."))
    running = _running(flow, source)
    if running is None:
        raise NotDeployedThere(flow=flow.slug, environment=source.slug)
    current = _running(flow, target)
    before = written(current) if current else Written({}, "")
    names = (f"{flow.slug}@{current.number}" if current else target.slug, f"{flow.slug}@{running.number}")
    comparison = compare(before, written(running), names=names)
    return Promotion(flow, source, target, running, current, comparison, tuple(_needs(running, source, target)))


@transaction.atomic
def promote(
    *, actor: Actor, flow: Flow, source: Environment, target: Environment, version: int | None = None, note: str = ""
) -> Deployment:
    """Run the source's version in the target from now on; roll back as after any deployment.

    With ``version`` the source must still run that one. Raises ``PromotionBlocked`` while the target lacks something.
    """
    require_permission(actor, "flows.publish", flow)
    plan = _plan(flow, source, target)
    if version is not None and plan.version.number != version:
        raise Conflict(
            what=said(
                "{slug} runs version {number} now, not {version}.",
                slug=source.slug,
                number=plan.version.number,
                version=version,
            )
        )
    if plan.missing:
        missing = ", ".join(f"{need.kind} {need.name}" for need in plan.missing)
        raise PromotionBlocked(flow=flow.slug, environment=target.slug, missing=missing)
    if plan.changes_nothing:
        return flow.deployments.get(environment=target)
    note = note or f"promoted from {source.slug}"
    return deploy(flow=flow, environment=target, version=plan.version, actor=actor, note=note)


def _running(flow: Flow, place: Environment) -> FlowVersion | None:
    rows = flow.deployments.filter(environment=place, active=True).select_related("version__document")
    found = rows.first()
    return found.version if found else None


# -- what a version needs ------------------------------------------------------------------------------------------


def _needs(version: FlowVersion, source: Environment, target: Environment) -> Iterator[Need]:
    content = written(version).content
    yield from _connections(content, source, target)
    yield from _variables(_variables_in(content, version), source, target)
    trigger = content.get("trigger", {})
    if "webhook" in trigger:
        slug = str(trigger["webhook"].get("endpoint", ""))
        there = Endpoint.objects.filter(environment=target, slug=slug).exists()
        yield Need("endpoint", slug, "ready" if there else "missing")
    for slug in sorted(set(_flows_in(content))):
        there = Deployment.objects.filter(flow__slug=slug, environment=target, active=True).exists()
        yield Need("flow", slug, "ready" if there else "missing")


def _connections(content: Mapping[str, Any], source: Environment, target: Environment) -> Iterator[Need]:
    wanted = sorted(connections_in(dict(content)))
    ours, theirs = (
        {one.slug: one for one in Connection.objects.filter(environment=place, slug__in=wanted)}
        for place in (source, target)
    )
    for slug in wanted:
        there, here = theirs.get(slug), ours.get(slug)
        if there is None:
            yield Need("connection", slug, "missing")
        elif not there.enabled:
            yield Need("connection", slug, "missing", said("switched off"))
        elif here is not None and here.connector != there.connector:
            yield Need(
                "connection",
                slug,
                "differs",
                said("{there} instead of {here}", there=there.connector, here=here.connector),
            )
        else:
            yield Need("connection", slug, "ready", there.base_url)


def _variables(names: set[str], source: Environment, target: Environment) -> Iterator[Need]:
    for name in sorted(names):
        here, there = source.variables, target.variables
        if name not in there:
            yield Need(
                "variable", name, "missing" if name in here else "differs", "" if name in here else said("nowhere set")
            )
        elif name in here and type(here[name]) is not type(there[name]):
            yield Need("variable", name, "differs", said("of another type"))
        else:
            yield Need("variable", name, "ready")


def _variables_in(content: Mapping[str, Any], version: FlowVersion) -> set[str]:
    """Names read as ``vars.name`` by a flow and by the mappings that it refers to."""
    found = set(_read(content))
    for reference in _named(content, "mapping"):
        mapping = MappingVersion.objects.of(version.workspace_id, *split_reference(reference))
        found |= set(_read(mapping.content)) if mapping else set()
    return found


def _read(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (dotted or quoted for dotted, quoted in _VARIABLE.findall(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from () if key in _WORDS else _read(item)
    elif isinstance(value, list):
        for item in value:
            yield from _read(item)


def _named(value: Any, key: str) -> Iterator[str]:
    """Texts that stand under a key, wherever it is."""
    if isinstance(value, Mapping):
        if isinstance(value.get(key), str):
            yield value[key]
        for item in value.values():
            yield from _named(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, key)


def _flows_in(content: Any) -> Iterator[str]:
    """Flows that a flow starts."""
    if isinstance(content, Mapping):
        step = content.get("flow")
        if isinstance(step, Mapping) and isinstance(step.get("slug"), str):
            yield step["slug"]
        for item in content.values():
            yield from _flows_in(item)
    elif isinstance(content, list):
        for item in content:
            yield from _flows_in(item)
