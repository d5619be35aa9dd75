"""The stand-in vendors of this instance: where they listen, and the deeds that drive them.

They run beside the product and are shared by the workspaces that may reach them: those whose egress allow-list names
their address. To every other workspace there are none. Stand-ins of imported connectors belong to the workspace that
started them; to others they do not exist. Their name there is the workspace's, a dot, and the connector's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.catalog.registry import connectors, imported_version
from ipaas.catalog.resolution import egress_of
from ipaas.catalog.stand_in_place import HOST, StandIns
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import NotFound
from ipaas.core.net import NetError, close_client_for_loop
from ipaas.sdk.stubs.client import LedgerPage, StubClient, StubsUnavailable
from ipaas.sdk.stubs.ledger import in_scope

T = TypeVar("T")


class StandInsMissing(NotFound):
    """There are no stand-in vendors in this workspace."""

    code = "stand_ins_missing"
    remedy = "Start the product with its demo; the workspace's egress allow-list must name the stand-ins' address."

    def __init__(self) -> None:
        super().__init__(what="stand-in vendor")


@dataclass(frozen=True, slots=True)
class StandInState:
    """One stand-in: the actions that can be scripted, faults in force, and how often what arrived.

    ``counts`` has one object per action and outcome; ``entities`` says how many of each kind it holds; ``described``:
    made of an imported connector of this workspace, and can be stopped.
    """

    vendor: str
    url: str
    actions: list[str]
    faults: list[dict[str, Any]]
    counts: list[dict[str, Any]]
    entities: dict[str, int]
    described: bool = False


def list_stand_ins(*, actor: Actor, workspace: Workspace) -> list[StandInState]:
    """Every stand-in with its present state. Raises StandInsMissing, StubsUnavailable."""
    place = _reachable(actor, "stubs.view", workspace)

    async def read(client: StubClient) -> list[StandInState]:
        vendors, faults, counts = await client.vendors(), await client.faults(), await client.counts()
        return [
            StandInState(
                vendor=_outer(vendor),
                url=f"{place.url}/{vendor}",
                actions=actions,
                faults=[_told(one) for one in faults if one["vendor"] == vendor],
                counts=[_told(one) for one in counts if one["vendor"] == vendor],
                entities={} if vendor == "smtp" else _sizes(await client.entities(vendor)),
                described="." in vendor,
            )
            for vendor, actions in sorted(vendors.items(), key=lambda one: _outer(one[0]))
            if in_scope(vendor, workspace.slug)
        ]

    return _run(place, read)


def ledger_page(
    *,
    actor: Actor,
    workspace: Workspace,
    filters: Mapping[str, str],
    limit: int = 50,
    before: int | None = None,
) -> LedgerPage:
    """What arrived at the stand-ins, newest first; the next page is asked for by ``next_before``.

    Filters: vendor, action, outcome, reference, key, entity_id.
    """
    place = _reachable(actor, "stubs.view", workspace)
    wanted = {**filters, "vendor": _inner(workspace, filters.get("vendor", "")), "scope": workspace.slug}
    page = _run(place, lambda client: client.ledger_page(wanted, limit=limit, before=before))
    return LedgerPage([_told(line) for line in page.lines], page.next_before)


def address_of(workspace: Workspace, connector: str) -> str:
    """Where the stand-in of a connector listens, or would; empty where this workspace has none."""
    place = _place_for(workspace)
    return f"{place.url}/{_inner(workspace, connector)}" if place is not None else ""


@transaction.atomic
def start_stand_in(*, actor: Actor, workspace: Workspace, connector: str, version: str = "") -> str:
    """Start the stand-in of an imported connector, its newest version unless one is named; returns its address.

    One of the name that runs is replaced and keeps its state. Raises StandInsMissing, StubsUnavailable, NotFound.
    """
    place = _reachable(actor, "stubs.script", workspace)
    row = imported_version(workspace.id, connector, version)
    name = _inner(workspace, row.slug)
    _record("stubs.started", actor, workspace, row.slug, {"version": row.version})
    _run(place, lambda client: client.start(name, bytes(row.packed)))
    return f"{place.url}/{name}"


@transaction.atomic
def stop_stand_in(*, actor: Actor, workspace: Workspace, vendor: str) -> None:
    """Take the stand-in of an imported connector away, with what reached it."""
    place = _reachable(actor, "stubs.script", workspace)
    _record("stubs.stopped", actor, workspace, vendor, {})
    if not _run(place, lambda client: client.stop(_own(workspace, vendor))):
        raise NotFound(what="stand-in vendor")


@transaction.atomic
def set_fault(*, actor: Actor, workspace: Workspace, fault: Mapping[str, Any]) -> dict[str, Any]:
    """Put a fault in force; its keys are those of ``sdk.stubs.faults.FAULT_SCHEMA``. Raises StubCallRefused."""
    place = _reachable(actor, "stubs.script", workspace)
    meant = {**fault, "vendor": _inner(workspace, str(fault.get("vendor", "")))}
    made = _told(_run(place, lambda client: client.add_fault(meant)))
    shown = {name: made[name] for name in ("id", "vendor", "action", "kind", "percent", "times")}
    _record("stubs.fault_set", actor, workspace, str(made["vendor"]), shown)
    return made


@transaction.atomic
def clear_faults(*, actor: Actor, workspace: Workspace, vendor: str = "", fault_id: str = "") -> int:
    """Lift one fault, those of a vendor, or all; returns how many."""
    place = _reachable(actor, "stubs.script", workspace)
    inner = _inner(workspace, vendor)
    cleared = _run(place, lambda client: client.clear_faults(vendor=inner, fault_id=fault_id, scope=workspace.slug))
    _record("stubs.faults_cleared", actor, workspace, vendor, {"fault": fault_id, "cleared": cleared})
    return cleared


@transaction.atomic
def reset_stand_ins(*, actor: Actor, workspace: Workspace) -> None:
    """Make all stand-ins forget state, ledger and faults; those of other workspaces' connectors do not."""
    place = _reachable(actor, "stubs.script", workspace)
    _record("stubs.reset", actor, workspace, "", {})
    _run(place, lambda client: client.reset(workspace.slug))


@transaction.atomic
def send_webhooks(
    *, actor: Actor, workspace: Workspace, vendor: str, public_id: str, sending: Mapping[str, Any]
) -> dict[str, Any]:
    """Have a stand-in send signed webhooks to an endpoint of this instance; returns how many got which status.

    ``public_id`` is that of an endpoint of the workspace, which the caller has looked up; it takes the deliveries
    when it shares the stand-ins' signing secret. ``sending``: event, count, start, seed, concurrency,
    duplicate_percent, out_of_order. Raises StubCallRefused.
    """
    place = _reachable(actor, "stubs.script", workspace)
    document = {**sending, "vendor": vendor, "secret": place.signing_secret}
    document["url"] = f"http://{place.ingress}/hooks/{public_id}"
    sent = _run(place, lambda client: client.send_webhooks(document))
    _record("stubs.webhooks_sent", actor, workspace, vendor, {**sending, **sent})
    return sent


def _reachable(actor: Actor, permission: str, workspace: Workspace) -> StandIns:
    require_permission(actor, permission, workspace.id)
    place = _place_for(workspace)
    if place is None:
        raise StandInsMissing
    return place


def _place_for(workspace: Workspace) -> StandIns | None:
    if not StandIns.chosen():
        return None
    place = StandIns.load()
    return place if egress_of(workspace.settings).allows_private(HOST, place.port) else None


def _run(place: StandIns, ask: Callable[[StubClient], Awaitable[T]]) -> T:
    async def main() -> T:
        try:
            return await ask(place.client())
        except NetError as error:
            raise StubsUnavailable(reason=error.detail.rstrip(".")) from error
        finally:
            await close_client_for_loop()

    return asyncio.run(main())


def _own(workspace: Workspace, vendor: str) -> str:
    return f"{workspace.slug}.{vendor}"


def _inner(workspace: Workspace, vendor: str) -> str:
    """The name at the stand-ins: imported connectors never have the name of one of the installation."""
    return vendor if not vendor or vendor == "smtp" or vendor in connectors() else _own(workspace, vendor)


def _outer(vendor: str) -> str:
    return vendor.rpartition(".")[2]


def _told(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "vendor": _outer(str(one["vendor"]))}


def _sizes(entities: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    return {kind: len(found) for kind, found in sorted(entities.items())}


def _record(action: str, actor: Actor, workspace: Workspace, vendor: str, details: Mapping[str, Any]) -> None:
    subject = ("stub", vendor or "all", vendor or "all stand-ins")
    audit.record(action, actor=actor, workspace_id=workspace.id, subject=subject, details=dict(details))
