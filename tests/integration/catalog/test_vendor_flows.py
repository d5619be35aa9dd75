"""What a vendor sends starts a flow whose writing call is done but never answered: it has its effect once all the same.

``vendor_flows/<slug>.yaml`` says for a connector: ``sample`` (a delivery in its folder ``samples``; without one
``body``, with which the flow is started), ``action`` and ``with`` (the call that writes), and ``auth`` (a scheme, else
the first).

All vendors' flows run at once, so that the whole costs one database and one process of stand-ins.
"""

import asyncio
import secrets as random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts import services as accounts
from ipaas.catalog import credentials, gateway, oauth
from ipaas.catalog.resolution import Resolved, invalidate_all
from ipaas.catalog.services import create_connection
from ipaas.catalog.threads import close_thread_connections
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.yamlio import load
from ipaas.events.addresses import hook_address
from ipaas.events.models import Endpoint
from ipaas.events.services import create_endpoint
from ipaas.flows.models import Flow
from ipaas.runtime.models import Attempt, Run
from ipaas.runtime.pump import Pump
from ipaas.runtime.tasks import HANDLERS
from ipaas.sdk.manifest import Place
from ipaas.sdk.samples import Sample, read_samples
from ipaas.sdk.signatures import SignatureScheme, sign, signed_body
from ipaas.sdk.testing import SIGNING_SECRET
from ipaas.sdk.testing_webhooks import key_pair
from ipaas.sdk.tokens import SESSION, Token
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret
from tests.factories.stub_server import CONNECTORS, Running
from tests.integration.runtime.conftest import World, conninfo
from tests.integration.runtime.gateway import ScriptedGateway
from tests.integration.runtime.test_hooks import by_web

FOLDERS = Path(__file__).resolve().parents[3] / "connectors"
CASES: Mapping[str, dict[str, Any]] = {
    path.stem: load(path.read_bytes()) for path in sorted((Path(__file__).parent / "vendor_flows").glob("*.yaml"))
}
PAIR = key_pair("ecdsa-p256-sha256")
"""A private key for vendors that sign by one, and its public key."""
ONCE = ("succeeded", None, ["retry", "ok"], 1)
"""The run's end and error, what became of each attempt of its call, and the effects in the vendor's books."""


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.close()


@pytest.fixture
def world(transactional_db: None, vendors: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A workspace that may reach the stand-ins; tokens of authorities elsewhere are there already."""
    fetch = oauth.fetch

    async def fetched(resolved: Resolved, *more: Any) -> Token:
        if resolved.grant is not None and resolved.grant.type == SESSION:
            return await fetch(resolved, *more)
        return Token("canary-of-a-token", 3600)

    monkeypatch.setattr(oauth, "fetch", fetched)
    workspace = accounts.create_workspace(slug=f"w-{random.token_hex(4)}", name="Works", actor=SYSTEM)
    workspace.settings = {"egress_allow": [f"127.0.0.1:{vendors.port}"]}
    workspace.save()
    environment = accounts.create_environment(workspace=workspace, slug="production", name="Production", actor=SYSTEM)
    yield World(workspace, environment, ScriptedGateway())
    invalidate_all()
    credentials.forget_all()
    oauth._held.clear()
    close_thread_connections()


def connect(world: World, vendors: Running, slug: str) -> None:
    manifest = CONNECTORS[slug].manifest
    scheme = manifest.auth[CASES[slug].get("auth") or next(iter(manifest.auth))]
    fields = {one.name: SIGNING_SECRET if "signing" in one.name else "canary-7c1f0b" for one in scheme.fields}
    if fields:
        create_secret(workspace=world.workspace, slug=f"{slug}-key", fields=fields, actor=SYSTEM)
    create_connection(
        environment=world.environment,
        slug=slug,
        connector=slug,
        actor=SYSTEM,
        base_url=f"http://127.0.0.1:{vendors.port}/{slug}",
        config=manifest.config_example,
        auth_scheme=scheme.name,
        secret=f"{slug}-key" if fields else "",
    )


def endpoint_for(world: World, slug: str, sample: Sample) -> Endpoint:
    trigger = CONNECTORS[slug].manifest.triggers[sample.trigger]
    document: Any = load((FOLDERS / slug / "manifest.yaml").read_bytes())
    signature = document["triggers"][sample.trigger]["signature"]
    delivery, event = trigger.delivery_id or Place(), trigger.event_type or Place()
    public = PAIR[1] if trigger.signature is not None and trigger.signature.kind == "public-key" else ""
    fields = {"signing_secret": public or signing_secret(sample)}
    create_secret(
        workspace=world.workspace, slug=f"{slug}-signing", fields=fields, actor=SYSTEM, kind=Secret.Kind.SIGNING
    )
    return create_endpoint(
        actor=SYSTEM,
        environment=world.environment,
        slug=slug,
        title=slug,
        signature=signature,
        signature_required=signature["scheme"] != "none",
        secret_slug=f"{slug}-signing",
        delivery_header=delivery.header,
        delivery_path=delivery.path,
        event_header=event.header,
        event_path=event.path,
    )


def signing_secret(sample: Sample) -> str:
    return sample.secret or "whsec_Y2FuYXJ5LTdjMWYwYi1jYW5hcnktN2MxZjBi"


def deliver(endpoint: Endpoint, sample: Sample) -> None:
    """The sample, signed anew where its signature is for another time or address."""
    scheme = SignatureScheme.from_document(endpoint.signature)
    known = [PAIR[0] if scheme.kind == "public-key" else signing_secret(sample)]
    body = signed_body(scheme, body=sample.body, secrets=known)
    url = hook_address(endpoint.public_id)
    signed = sign(scheme, body=body, secrets=known, now=now(), delivery_id=sample.delivery_id or "d-1", url=url)
    kind = "application/json" if body[:1] in b"{[" else "application/x-www-form-urlencoded"
    headers = {"content-type": kind} | {name.lower(): value for name, value in {**sample.headers, **signed}.items()}
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    status, answer = by_web(f"/hooks/{endpoint.public_id}", body, **named)
    assert status == 202, f"{endpoint.slug}: {answer}"


def begin(world: World, vendors: Running, slug: str) -> Flow:
    """Connection, endpoint and flow of a vendor; its delivery; and the call of which the answer will be lost."""
    case = CASES[slug]
    connect(world, vendors, slug)
    sample = next((one for one in read_samples(FOLDERS / slug, CONNECTORS[slug].manifest)
                   if one.name == case.get("sample")), None)  # fmt: skip
    call = {"connection": slug, "action": case["action"], "with": case["with"]}
    trigger: dict[str, Any] = {"webhook": {"endpoint": slug}} if sample else {"manual": {}}
    endpoint = endpoint_for(world, slug, sample) if sample else None
    ids = {"business_ids": {"vendor": f"'{slug}'"}, "primary_business_id": "vendor"}
    flow = world.flow({"id": "write", "call": call}, slug=f"on-{slug}", trigger=trigger, **ids)
    vendors.fault(vendor=slug, action=case["action"], kind="status", status=503, when="after", times=1)
    if endpoint is not None and sample is not None:
        deliver(endpoint, sample)
    else:
        world.start(flow, case["body"])
    return flow


def work() -> None:
    async def until_idle() -> None:
        pump = Pump(conninfo(), handlers=HANDLERS)
        await pump.open()
        try:
            await pump.run_until_idle()
        finally:
            await pump.close()
            await gateway.close()

    asyncio.run(until_idle())


def told(vendors: Running, slug: str, flow: Flow) -> tuple[Any, ...]:
    run = Run.objects.get(flow_id=flow.id)
    outcomes = list(Attempt.objects.filter(run_id=run.id).order_by("number").values_list("outcome", flat=True))
    return run.status, run.error_message, outcomes, vendors.effects(slug, CASES[slug]["action"])


def test_every_vendors_event_has_its_effect_once_although_the_answer_is_lost(world: World, vendors: Running) -> None:
    flows = {slug: begin(world, vendors, slug) for slug in CASES}
    work()
    world.make_due()
    work()
    assert {slug: told(vendors, slug, flow) for slug, flow in flows.items()} == dict.fromkeys(CASES, ONCE)
