"""The demo workspace: people, secrets, connections to the stand-ins, an endpoint and the order flow."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from ipaas.accounts import services as accounts
from ipaas.accounts.models import PRODUCTION, Environment, User, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.catalog.models import Connection
from ipaas.catalog.services import create_connection, update_connection
from ipaas.catalog.stand_in_place import HOST, StandIns
from ipaas.cli.demo_warehouse import SETTING, Warehouse
from ipaas.config import settings
from ipaas.core import yamlio
from ipaas.core.actor import SYSTEM
from ipaas.core.document_types import document_type
from ipaas.core.documents import VersionedDocument
from ipaas.events.models import Endpoint
from ipaas.flows.examples import GLOSSARY_DOCUMENTS, ORDER_DOCUMENTS, example_text
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document, deploy
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret

WORKSPACE = "demo"
ENVIRONMENT = PRODUCTION
"""Where the demo's orders arrive."""
PLACES = {"development": "Development", "staging": "Staging", ENVIRONMENT: "Production"}
RUNS_IN = ("development", ENVIRONMENT)
"""Where the demo's flow runs: promoting it from the first to staging is left to those who look around."""
ENDPOINT = "storefront-orders"
PEOPLE = {role: f"{role}@demo.example" for role in ROLES}
VENDORS = ("storefront", "payments", "inventory", "shipping")
WAREHOUSE = "warehouse"
# A demo is watched: its retries end within minutes.
PATIENCE: Mapping[str, Any] = {"retry": {"max_attempts": 8, "base_s": 1, "cap_s": 15, "doubt_s": 120}}


@dataclass(frozen=True, slots=True)
class SignIns:
    """What a person needs to look around; ``password`` is of all demo people and kept in the home folder."""

    address: str
    people: Mapping[str, str]
    password: str
    warehouse: bool


def install() -> SignIns:
    """Make what is missing; idempotent. Ports that changed since are put right."""
    place, warehouse = StandIns.load(), Warehouse.from_settings()
    password = _password()
    if warehouse is not None:
        warehouse.prepare()
    with transaction.atomic():
        workspace = Workspace.objects.filter(slug=WORKSPACE).first()
        if workspace is None:
            workspace = accounts.create_workspace(slug=WORKSPACE, name="Demo", actor=SYSTEM)
        needed = [place.address, f"{HOST}:{place.smtp_port}", *([warehouse.target] if warehouse else [])]
        allowed = [*needed, *_allowed_besides(workspace, needed)]
        if workspace.settings.get("egress_allow") != allowed:
            workspace = accounts.change_settings(workspace=workspace, settings={"egress_allow": allowed}, actor=SYSTEM)
        if "review_policy" not in workspace.settings:
            policy = {"review_policy": {"mapping": "steward"}}
            workspace = accounts.change_settings(workspace=workspace, settings=policy, actor=SYSTEM)
        _people(workspace, password)
        places = _environments(workspace)
        for environment in places.values():
            _connections(environment, place)
            if warehouse is not None:
                _warehouse(environment, warehouse)
            _endpoint(environment, place)
        for name in GLOSSARY_DOCUMENTS:
            _document(workspace, yamlio.load(example_text(name)), example_text(name))
        running = [places[slug] for slug in RUNS_IN]
        _flow(workspace, running, left_out=frozenset() if warehouse else frozenset({WAREHOUSE}))
    host = settings().public_url or f"http://{settings().host}:{settings().port}"
    return SignIns(host, PEOPLE, password, warehouse is not None)


def _allowed_besides(workspace: Workspace, needed: Sequence[str]) -> list[str]:
    """Private targets that somebody has allowed since: all but those of the demo, whose ports may have changed."""
    rows = Connection.objects.in_workspace(workspace.id).filter(slug__in=(*VENDORS, "mail", WAREHOUSE))
    ours = {urlsplit(row.base_url).netloc or f"{row.config.get('host')}:{row.config.get('port')}" for row in rows}
    return [one for one in workspace.settings.get("egress_allow", ()) if one not in ours and one not in needed]


def introduce(signs: SignIns, *, as_json: bool) -> str:
    """What to print after the installation."""
    if as_json:
        shown = {"address": signs.address, "people": dict(signs.people), "password": signs.password}
        return json.dumps({**shown, "warehouse": signs.warehouse})
    lines = [f"Demo sign-ins at {signs.address} (password of all: {signs.password})"]
    lines += [f"  {role:<9} {email}" for role, email in signs.people.items()]
    if not signs.warehouse:
        lines.append(f"The demo writes to no warehouse: name a PostgreSQL database for it in {SETTING}.")
    return "\n".join([*lines, "Try: ipaas demo orders --count 100 --fault payments:503:30% --fault shipping:reject:5%"])


def _password() -> str:
    place = settings().home / "keys" / "demo_password"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.touch(mode=0o600)
        place.write_text(secrets.token_urlsafe(12))
    return place.read_text().strip()


def _environments(workspace: Workspace) -> dict[str, Environment]:
    """Those of the demo, in the order in which a flow is promoted; one that is there keeps its place."""
    found = {one.slug: one for one in Environment.objects.filter(workspace=workspace, slug__in=PLACES)}
    for position, (slug, name) in enumerate(PLACES.items()):
        if slug not in found:
            found[slug] = accounts.create_environment(
                workspace=workspace, slug=slug, name=name, position=position, actor=SYSTEM
            )
    return found


def _own(environment: Environment, slug: str) -> str:
    """The name of an environment's own secret: none uses those of production."""
    return slug if environment.slug == ENVIRONMENT else f"{slug}-{environment.slug}"


def _people(workspace: Workspace, password: str) -> None:
    for role, email in PEOPLE.items():
        if not User.objects.filter(email=email).exists():
            accounts.add_member(
                workspace=workspace, email=email, roles=[role], actor=SYSTEM, name=role.title(), password=password
            )


def _secret(workspace: Workspace, slug: str, fields: Mapping[str, str], kind: str = Secret.Kind.CREDENTIAL) -> str:
    if not Secret.objects.filter(workspace=workspace, slug=slug).exists():
        create_secret(workspace=workspace, slug=slug, fields=fields, actor=SYSTEM, kind=kind)
    return slug


def _connections(environment: Environment, place: StandIns) -> None:
    token = {"token": secrets.token_urlsafe(24), "key": secrets.token_urlsafe(24)}
    fields: dict[str, dict[str, str]] = {
        "storefront": {"api_key": token["key"]},
        "payments": {"token": token["token"]},
        "inventory": {"api_key": token["key"]},
        "shipping": {"username": "demo", "password": token["token"]},
    }
    for vendor in VENDORS:
        secret = _secret(environment.workspace, _own(environment, f"{vendor}-key"), fields[vendor])
        _connect(environment, vendor, {"connector": vendor, "base_url": f"{place.url}/{vendor}", "secret": secret})
    config = {
        "host": HOST,
        "port": place.smtp_port,
        "security": "none",
        "from_address": "shop@demo.example",
        "repeats": "suppressed",
    }
    _connect(environment, "mail", {"connector": "smtp", "config": config, "auth_scheme": "none"})


def _warehouse(environment: Environment, warehouse: Warehouse) -> None:
    secret = _secret(environment.workspace, _own(environment, "warehouse-login"), warehouse.login)
    _connect(environment, WAREHOUSE, {"connector": "postgres", "config": warehouse.config, "secret": secret})


def _connect(environment: Environment, slug: str, wanted: Mapping[str, Any]) -> None:
    """Make a connection, or put right what differs; a secret is named again, since a new address would detach it."""
    wanted = {**wanted, "policy": PATIENCE}
    known = Connection.objects.filter(environment=environment, slug=slug).first()
    if known is None:
        create_connection(environment=environment, slug=slug, actor=SYSTEM, **wanted)
        return
    changes = {name: value for name, value in wanted.items() if getattr(known, name) != value}
    if changes:
        update_connection(connection=known, changes={**changes, "secret": known.secret}, actor=SYSTEM)


def _endpoint(environment: Environment, place: StandIns) -> Endpoint:
    slug, fields = _own(environment, "storefront-signing"), {"signing_secret": place.signing_secret}
    secret = _secret(environment.workspace, slug, fields, Secret.Kind.SIGNING)
    found = Endpoint.objects.filter(environment=environment, slug=ENDPOINT).first()
    if found is not None:
        return found
    return Endpoint.objects.create(
        workspace=environment.workspace,
        environment=environment,
        slug=ENDPOINT,
        title="Orders of the storefront",
        public_id=secrets.token_urlsafe(18),
        connector="storefront",
        signature={"scheme": "hmac", "header": "X-Fernhill-Hmac-Sha256", "algorithm": "sha256", "encoding": "base64"},
        secret_slug=secret,
        delivery_header="X-Fernhill-Delivery",
        event_header="X-Fernhill-Topic",
    )


def _flow(workspace: Workspace, running: Sequence[Environment], *, left_out: frozenset[str]) -> None:
    for name in ORDER_DOCUMENTS:
        content = yamlio.load(example_text(name))
        if content.get("kind") == "flow":
            steps = content["steps"]
            content["steps"] = [step for step in steps if step.get("call", {}).get("connection") not in left_out]
        made = _document(workspace, content)
        if isinstance(made, Flow):
            for environment in running:
                deploy(flow=made, environment=environment, version=made.versions.get(), actor=SYSTEM)


def _document(workspace: Workspace, content: Mapping[str, Any], text: str | None = None) -> VersionedDocument | None:
    """A document of the demo, published; None where there is one already: what people made of it is theirs."""
    kind = document_type(content["kind"])
    if kind.documents.in_workspace(workspace.id).filter(slug=content["slug"]).exists():
        return None
    given: dict[str, Any] = {"content": content} if text is None else {"text": text}
    made: VersionedDocument = apply_document(actor=SYSTEM, workspace=workspace, **given).document
    return made
