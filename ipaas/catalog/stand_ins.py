"""The stand-in vendors of this instance: where they listen, and the deeds that drive them.

They run beside the product and are shared by the workspaces that may reach them: those whose egress allow-list names
their address. To every other workspace there are none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.catalog.resolution import egress_of
from ipaas.catalog.stand_in_place import HOST, StandIns
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import NotFound
from ipaas.core.net import NetError, close_client_for_loop
from ipaas.sdk.stubs.client import LedgerPage, StubClient, StubsUnavailable

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

    ``counts`` has one object per action and outcome; ``entities`` says how many of each kind it holds.
    """

    vendor: str
    url: str
    actions: list[str]
    faults: list[dict[str, Any]]
    counts: list[dict[str, Any]]
    entities: dict[str, int]


def list_stand_ins(*, actor: Actor, workspace: Workspace) -> list[StandInState]:
    """Every stand-in with its present state. Raises StandInsMissing, StubsUnavailable."""
    place = _reachable(actor, "stubs.view", workspace)

    async def read(client: StubClient) -> list[StandInState]:
        vendors, faults, counts = await client.vendors(), await client.faults(), await client.counts()
        return [
            StandInState(
                vendor=vendor,
                url=f"{place.url}/{vendor}",
                actions=actions,
                faults=[one for one in faults if one["vendor"] == vendor],
                counts=[one for one in counts if one["vendor"] == vendor],
                entities={} if vendor == "smtp" else _sizes(await client.entities(vendor)),
            )
            for vendor, actions in sorted(vendors.items())
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
    return _run(place, lambda client: client.ledger_page(dict(filters), limit=limit, before=before))


@transaction.atomic
def set_fault(*, actor: Actor, workspace: Workspace, fault: Mapping[str, Any]) -> dict[str, Any]:
    """Put a fault in force; its keys are those of ``sdk.stubs.faults.FAULT_SCHEMA``. Raises StubCallRefused."""
    place = _reachable(actor, "stubs.script", workspace)
    made = _run(place, lambda client: client.add_fault(fault))
    shown = {name: made[name] for name in ("id", "vendor", "action", "kind", "percent", "times")}
    _record("stubs.fault_set", actor, workspace, str(made["vendor"]), shown)
    return made


@transaction.atomic
def clear_faults(*, actor: Actor, workspace: Workspace, vendor: str = "", fault_id: str = "") -> int:
    """Lift one fault, those of a vendor, or all; returns how many."""
    place = _reachable(actor, "stubs.script", workspace)
    cleared = _run(place, lambda client: client.clear_faults(vendor=vendor, fault_id=fault_id))
    _record("stubs.faults_cleared", actor, workspace, vendor, {"fault": fault_id, "cleared": cleared})
    return cleared


@transaction.atomic
def reset_stand_ins(*, actor: Actor, workspace: Workspace) -> None:
    """Make all stand-ins forget state, ledger and faults."""
    place = _reachable(actor, "stubs.script", workspace)
    _record("stubs.reset", actor, workspace, "", {})
    _run(place, lambda client: client.reset())


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
    if not StandIns.chosen():
        raise StandInsMissing
    place = StandIns.load()
    if not egress_of(workspace.settings).allows_private(HOST, place.port):
        raise StandInsMissing
    return place


def _run(place: StandIns, ask: Callable[[StubClient], Awaitable[T]]) -> T:
    async def main() -> T:
        try:
            return await ask(place.client())
        except NetError as error:
            raise StubsUnavailable(reason=error.detail.rstrip(".")) from error
        finally:
            await close_client_for_loop()

    return asyncio.run(main())


def _sizes(entities: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    return {kind: len(found) for kind, found in sorted(entities.items())}


def _record(action: str, actor: Actor, workspace: Workspace, vendor: str, details: Mapping[str, Any]) -> None:
    subject = ("stub", vendor or "all", vendor or "all stand-ins")
    audit.record(action, actor=actor, workspace_id=workspace.id, subject=subject, details=dict(details))
