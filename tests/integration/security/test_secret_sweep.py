"""A secret in every place that takes one, and a look everywhere: it is found nowhere, and would be if it were."""

import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core import mail
from django.core.cache import cache
from django.db import connections
from django.test import Client

from ipaas.accounts import services as accounts
from ipaas.accounts.api_keys import create_api_key
from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditJob
from ipaas.catalog import credentials, gateway, oauth, registry, tokens
from ipaas.catalog.connecting import create_share_link, enter_credential
from ipaas.catalog.imports import draft_import
from ipaas.catalog.models import Connection
from ipaas.catalog.resolution import invalidate_all
from ipaas.catalog.services import create_connection
from ipaas.catalog.threads import close_thread_connections
from ipaas.catalog.trials import try_operation
from ipaas.config import settings
from ipaas.core import logging as product_logging
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.events.services import create_endpoint
from ipaas.governance import services as governance
from ipaas.notices.services import create_webhook
from ipaas.runtime.models import DeadLetter, Run
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest_reader import parse_manifest
from ipaas.sdk.tokens import Token
from ipaas.vault import opening
from ipaas.vault.backends import set_backend
from ipaas.vault.models import Secret
from ipaas.vault.services import create_secret, put_version, register_secret
from tests.factories.descriptions import import_connector
from tests.factories.flow_documents import schema
from tests.factories.people import PASSWORD, make_member
from tests.integration.accounts.test_second_factor import set_up_app, signed_in
from tests.integration.api.table import TABLE
from tests.integration.runtime.conftest import World
from tests.integration.runtime.gateway import ScriptedGateway
from tests.integration.security.media import broker, found, tables
from tests.integration.security.vendor import AUTH, MANIFEST, Mirror, mirror
from tests.integration.web.test_every_page import PAGES

MOUNTED = ("file", "environment")
STATUSES = (200, 201, 403)


@dataclass
class Sheet:
    """The secrets by the place that each was planted in."""

    values: dict[str, str] = field(default_factory=dict)

    def new(self, place: str) -> str:
        value = self.values[place] = f"kanari{token_hex(12)}"
        return value


@dataclass
class Planted:
    world: World
    sheet: Sheet
    log: io.StringIO
    port: int
    connections: dict[str, Connection] = field(default_factory=dict)
    said: list[tuple[str, bytes]] = field(default_factory=list)

    def say(self, place: str, data: object) -> None:
        self.said.append((place, str(data).encode(errors="replace")))


@pytest.fixture
def planted(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, _no_secret_reads_pending: None
) -> Iterator[Planted]:
    """A workspace that may call the mirror, the operators' log as the product writes it, nothing cached."""
    sheet, log, root = Sheet(), io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(log)
    handler.setFormatter(product_logging.formatter())
    monkeypatch.setenv("IPAAS_SECRETS_DIR", str(tmp_path / "mounted"))
    monkeypatch.setattr(root, "level", logging.INFO)
    settings.cache_clear()
    cache.clear()
    there = {**registry.connectors(), "mirror": Connector(parse_manifest(MANIFEST))}
    monkeypatch.setattr(registry, "connectors", lambda: there)
    root.addHandler(handler)
    with mirror({name: sheet.new(f"{name} token") for name in ("access", "refresh", "session")}) as port:
        workspace = accounts.create_workspace(slug="sweep", name="Sweep", actor=SYSTEM)
        workspace = accounts.change_settings(
            workspace=workspace, settings={"egress_allow": [f"127.0.0.1:{port}"]}, actor=SYSTEM
        )
        place = accounts.create_environment(workspace=workspace, slug="production", name="Production", actor=SYSTEM)
        yield Planted(World(workspace, place, ScriptedGateway()), sheet, log, port)
    root.removeHandler(handler)
    for forget in (invalidate_all, credentials.forget_all, opening.forget_all, oauth._held.clear):
        forget()
    close_thread_connections()
    monkeypatch.delenv("IPAAS_SECRETS_DIR")
    settings.cache_clear()


def test_no_secret_is_found_anywhere(planted: Planted) -> None:
    for scheme in AUTH:
        connect(planted, scheme["name"], credential(planted.sheet, scheme))
    mount(planted)
    imports(planted)
    people(planted)
    call_out(planted)
    come_in(planted)
    look(planted)
    secrets = {**planted.sheet.values, **assertions()}
    places = [*tables(), *broker(), *planted.said, ("log", planted.log.getvalue().encode())]
    assert len(places) > 200
    assert found(secrets, places) == set()
    heard = [("vendor", one.encode()) for one in Mirror.heard]
    sent = {name for name, _ in found(secrets, heard)}
    assert sent >= {"header.api_key", "body.api_key", "within.password", "basic.password", "bearer.token"}
    assert sent >= {"access token", "session token", "assertion"}
    control(planted)


def control(planted: Planted) -> None:
    """The sweep finds what stands in the clear, in whatever medium and spelling."""
    seen = Sheet()
    workspace = planted.world.workspace
    Workspace.objects.filter(id=workspace.id).update(name=seen.new("text"))
    Connection.objects.filter(workspace=workspace).update(config={"a": {"b": seen.new("json")}})
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE sweep_control (data bytea)")
        cursor.execute("INSERT INTO sweep_control VALUES (%s)", [b"\x00\xff" + seen.new("bytes").encode()])
    cache.set("sweep", seen.new("value in the broker"))
    cache.set(f"sweep-{seen.new('key in the broker')}", 1)
    logging.getLogger("somebody").warning("it is %s", seen.new("log"))
    client = Client()
    client.force_login(make_member(workspace, "control@example.org", "admin").user)
    page = client.get(f"/w/{workspace.slug}/settings/").content
    log = ("log", planted.log.getvalue().encode())
    hits = found(seen.values, [*tables(), *broker(), log, ("page", page)])
    with connections["default"].cursor() as cursor:
        cursor.execute("DROP TABLE sweep_control")
    assert {name for name, _ in hits} == set(seen.values)
    assert {place for name, place in hits if name == "text"} == {"table public.accounts_workspace", "page"}
    basic = "a2FuYXJp"  # as in the midst of Basic user:password
    assert found({"x": "kanari0123456789"}, [("place", b"dTprYW5hcmkwMTIzNDU2Nzg5 " + basic.encode())])


# -- planting --------------------------------------------------------------------------------------------------------


def credential(sheet: Sheet, scheme: dict[str, Any]) -> dict[str, str]:
    name, kind = scheme["name"], scheme["type"]
    if kind == "jwt_bearer":
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        sheet.values["private key"] = pem.splitlines()[1][:40]
        return {"issuer": "us", "private_key": pem}
    wanted = {
        "api_key": ["api_key"], "basic": ["username", "password"], "bearer": ["token"], "hmac": ["key_id", "secret"],
        "aws_sigv4": ["access_key_id", "secret_access_key", "session_token"], "session": ["username", "password"],
    }.get(kind, ["client_id", "client_secret"])  # fmt: skip
    public = {"username", "key_id", "client_id", "access_key_id"}
    return {one: f"our-{one}" if one in public else sheet.new(f"{name}.{one}") for one in wanted}


def connect(planted: Planted, name: str, fields: dict[str, str], *, scheme: str = "", secret: str = "") -> Connection:
    row = create_connection(
        environment=planted.world.environment, slug=name, connector="mirror", actor=SYSTEM, secret=secret,
        base_url=f"http://127.0.0.1:{planted.port}", auth_scheme=scheme or name,
    )  # fmt: skip
    if fields:
        row = enter_credential(connection=row, fields=fields, actor=SYSTEM)
    if row.auth_scheme == "code":
        expired = Token(planted.sheet.new("first access token"), 1, planted.sheet.new("first refresh token"), ("read",))
        tokens.store_granted(row, expired, by="Alice")
    planted.connections[name] = row
    return row


def mount(planted: Planted) -> None:
    """In the file and environment backends, and in versions of the built-in store."""
    workspace, sheet = planted.world.workspace, planted.sheet
    folder = settings().secrets_dir
    assert folder is not None
    place = folder / workspace.slug / "in-file"
    place.mkdir(parents=True)
    (place / "token").write_text(sheet.new("file"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPAAS_SECRET__SWEEP__IN_ENVIRONMENT__TOKEN", sheet.new("environment"))
        for kind in MOUNTED:
            set_backend(workspace=workspace, kind=kind, config={}, login={}, actor=SYSTEM)
            register_secret(workspace=workspace, slug=f"in-{kind}", actor=SYSTEM)
            row = connect(planted, kind, {}, scheme="bearer", secret=f"in-{kind}")
            planted.say("trial", try_operation(connection=row, action="say", params={"status": 403}, actor=SYSTEM))
    set_backend(workspace=workspace, kind="builtin", config={}, login={}, actor=SYSTEM)
    rolled = create_secret(workspace=workspace, slug="rolled", fields={"a": sheet.new("old version")}, actor=SYSTEM)
    put_version(secret=rolled, fields={"a": sheet.new("new version")}, actor=SYSTEM)
    made = create_webhook(
        actor=SYSTEM, workspace=workspace, slug="pager", title="Pager", events=["ipaas.run.dead_lettered"],
        url=f"http://127.0.0.1:{planted.port}/200",
    )  # fmt: skip
    sheet.values["webhook"] = made.secret.removeprefix("whsec_")


def imports(planted: Planted) -> None:
    new, workspace = planted.sheet.new, planted.world.workspace
    url = f"https://api.example.com/things?api_key={new('import query')}"
    headers = [{"name": "Authorization", "value": f"Bearer {new('import bearer')}"},
               {"name": "Cookie", "value": f"sid={new('import cookie')}"}]  # fmt: skip
    told = {"method": "POST", "url": url, "headers": headers, "cookies": [{"name": "s", "value": new("har cookie")}],
            "postData": {"mimeType": "application/json", "text": json.dumps({"pin": new("import body")})}}  # fmt: skip
    answer = {"status": 200, "headers": [{"name": "Set-Cookie", "value": f"t={new('import answer')}"}], "content": {}}
    basic = [{"key": "username", "value": "u"}, {"key": "password", "value": new("postman auth")}]
    collection = {
        "info": {"name": "P", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "variable": [{"key": "token", "value": new("postman variable")}],
        "auth": {"type": "basic", "basic": basic},
        "item": [{"name": "things", "request": {"method": "GET", "url": {"raw": url}, "header": [
            {"key": one["name"], "value": one["value"]} for one in headers]}}],
    }  # fmt: skip
    curl = f"curl '{url}' -H 'X-Api-Key: {new('import header')}' -u 'user:{new('import user')}' -b 'sid={new('jar')}'"
    texts = {"curl": curl, "har": json.dumps({"log": {"entries": [{"request": told, "response": answer}]}}),
             "postman": json.dumps(collection)}  # fmt: skip
    for kind, text in texts.items():
        given: dict[str, Any] = {"workspace": workspace, "source": text.encode(), "actor": SYSTEM}
        import_connector(slug=f"of-{kind}", **given)
        draft_import(slug=f"draft-{kind}", source_url=url.replace("things", "spec"), **given)


def people(planted: Planted) -> None:
    """A password, an authenticator app, an API key, a share link."""
    workspace, new = planted.world.workspace, planted.sheet.new
    user = make_member(workspace, "dora@example.org", "builder", password=PASSWORD).user
    planted.sheet.values["password"] = PASSWORD
    client = signed_in(user)
    planted.sheet.values["app"] = set_up_app(client)
    wrong = client.post("/accounts/login/", {"login": user.email, "password": new("wrong password")})
    planted.say("sign-in", wrong.content)
    key = create_api_key(workspace=workspace, name="key", scopes=sorted(known_permissions()), actor=SYSTEM)
    planted.sheet.values["api key"] = key.raw.rpartition("_")[2] if key.raw.count("_") == 2 else key.raw[17:]
    link = create_share_link(connection=planted.connections["bearer"], actor=SYSTEM)
    planted.sheet.values["share link"] = link.token
    answer = Client().get(f"/connect/link/{link.token}/", follow=True)
    planted.say("shared page", answer.content)
    planted.say("api", Client().get("/api/v1/runs", headers={"Authorization": f"Bearer {key.raw}"}).content)


# -- using -----------------------------------------------------------------------------------------------------------


def call_out(planted: Planted) -> None:
    """Every connection is tried, tested by a person, polled, and used by a flow that ends in a dead letter."""
    place = planted.world.environment
    for name, row in planted.connections.items():
        if name in MOUNTED:
            continue
        for status in STATUSES:
            params = {"status": status, "body": {"n": status}}
            planted.say("trial", try_operation(connection=row, action="say", params=params, actor=SYSTEM))
        call = gateway.GatewayCall(
            workspace_id=row.workspace_id, environment_id=place.id, connection=name, action="heard", params={}
        )
        for status in STATUSES:
            polled = gateway.run_to_end(lambda call=call, status=status: gateway.poll(call, status))  # type: ignore[misc]
            planted.say("poll", polled)
        steps = [
            {"id": f"say_{one['status']}", "call": {"connection": name, "action": "say", "with": one}}
            for one in ({"status": status, "body": {"n": status}} for status in STATUSES)
        ]
        planted.world.start(planted.world.flow(*steps, slug=f"flow-{name}"))
    planted.world.work()
    assert DeadLetter.objects.count() >= len(AUTH)


def come_in(planted: Planted) -> None:
    """Deliveries with a right and a wrong secret, and members that a schema calls secret, which the vendor repeats."""
    world, new = planted.world, planted.sheet.new
    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    signing = new("endpoint")
    create_secret(
        workspace=world.workspace, slug="shop", kind=Secret.Kind.SIGNING, fields={"signing_secret": signing},
        actor=SYSTEM,
    )  # fmt: skip
    endpoint = create_endpoint(
        actor=SYSTEM, environment=world.environment, slug="shop", title="Shop", secret_slug="shop",
        signature={"scheme": "token", "header": "X-Token"},
    )  # fmt: skip
    said = {"status": 403, "body": "{{ trigger.body }}"}
    steps = [{"id": "say", "call": {"connection": "bearer", "action": "say", "with": said}}]
    world.flow(*steps, slug="hooked", trigger={"webhook": {"endpoint": "shop"}}, input={"schema": "order@1"})
    body = {"id": "o-1", "email": new("classified"), "password": new("sensitive name")}
    for token in (signing, new("wrong token")):
        answer = Client().post(
            f"/hooks/{endpoint.public_id}?token={new(f'query beside {token[:9]}')}", body, "application/json",
            headers={"X-Token": token, "Authorization": f"Bearer {new('header beside')}"},
        )  # fmt: skip
        planted.say("hook", answer.content)
    state = new("token in a body")
    fields = {"signing_secret": state}
    create_secret(workspace=world.workspace, slug="state", kind=Secret.Kind.SIGNING, fields=fields, actor=SYSTEM)
    stateful = create_endpoint(
        actor=SYSTEM, environment=world.environment, slug="stateful", title="Stateful", secret_slug="state",
        signature={"scheme": "token", "path": "value.clientState"}, delivery_path="id",
    )  # fmt: skip
    world.flow(*steps, slug="told", trigger={"webhook": {"endpoint": "stateful"}})
    for one in (state, state, new("wrong token in a body")):  # taken, repeated, refused
        body = {"id": "s-1", "value": [{"clientState": one}]}
        answer = Client().post(f"/hooks/{stateful.public_id}", body, "application/json")
        planted.say("hook", answer.content)
    world.work()
    assert Run.objects.filter(business_key="o-1").exists(), planted.said[-2:]


# -- looking ---------------------------------------------------------------------------------------------------------


def look(planted: Planted) -> None:
    """Every page and every address of the API, as an administrator, for every run and connection; mails, meters."""
    workspace = planted.world.workspace
    client = Client()
    client.force_login(make_member(workspace, "ada@example.org", "admin", "auditor", "operator", "builder").user)
    letters = list(DeadLetter.objects.values_list("id", "run_id"))
    job = AuditJob.objects.create(workspace_id=workspace.id, kind="verify", started_by="somebody").id
    known: dict[str, Any] = {
        "environment": "production", "connector": "mirror", "number": 1, "fmt": "jsonl", "vendor": "mirror",
        "flow": "hooked", "secret": "rolled", "audit_job": job, "flows.slug": "hooked", "contracts.slug": "order",
        "vault.slug": "rolled", "events.slug": "shop", "notices.slug": "pager", "action": "say", "schema": "order",
        "imported": "of-curl",
    }  # fmt: skip
    for name in planted.connections:
        fetch(planted, client, f"/w/{workspace.slug}/connections/in/production/{name}/")
    for letter, run in letters:
        fetch(planted, client, f"/w/{workspace.slug}/runs/{run}/")
        for step in (2, 3):  # told in headers alone, and refused
            fetch(planted, client, f"/api/v1/runs/{run}/values?seq={step}")
        fetch(planted, client, f"/api/v1/dead-letters/{letter}")
    visit(planted, client, {**known, "run": letters[0][1], "letter": letters[0][0], "catalog.slug": "bearer",
                            "run_id": letters[0][1], "letter_id": letters[0][0]})  # fmt: skip
    planted.said += [("mail", str(one.message()).encode()) for one in mail.outbox]
    planted.say("meters", Client().get("/metrics").content)


def visit(planted: Planted, client: Client, known: dict[str, Any]) -> None:
    for page in PAGES:
        fetch(planted, client, page.path(planted.world.workspace.slug, known))
    for method, path, *_ in TABLE:
        if method == "GET" and all(name in known for name in re.findall(r"\{(\w+)\}", path)):
            fetch(planted, client, f"/api/v1/{path.format(**known)}")


def fetch(planted: Planted, client: Client, address: str) -> None:
    answer = client.get(address, headers={"x-workspace": planted.world.workspace.slug})
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[arg-type]
    planted.said.append((address, content + str(answer.headers).encode()))


def assertions() -> dict[str, str]:
    """The signatures of the tokens that were made for one request each."""
    signed = [one for heard in Mirror.heard for one in re.findall(r"Bearer eyJ[\w-]+\.[\w-]+\.([\w-]+)", heard)]
    return {"assertion": signed[-1]} if signed else {}
