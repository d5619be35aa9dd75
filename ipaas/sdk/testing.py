"""The test kit: a generated suite for any connector, against its own stub over real HTTP.

A connector's whole test file::

    from pathlib import Path

    from ipaas.sdk.testing import ConnectorSuite


    class TestPayments(ConnectorSuite):
        folder = Path("connectors/payments")

pytest with ``asyncio_mode = "auto"`` runs it.
"""

import asyncio
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ipaas.core import clock
from ipaas.core.errors import ErrorClass
from ipaas.core.net import HttpClient
from ipaas.expressions import ExpressionError
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError, classify
from ipaas.sdk.loader import load_folder
from ipaas.sdk.manifest import ActionSpec, AuthScheme, Effect, ErrorRule
from ipaas.sdk.paths import with_path
from ipaas.sdk.schemas import compile_schema, findings
from ipaas.sdk.signatures import verify
from ipaas.sdk.stubs.server import StubServer
from ipaas.sdk.stubs.webhooks import Sending, signed_deliveries
from ipaas.sdk.testing_pages import PageChecks, check
from ipaas.sdk.testing_transports import KitTransports
from ipaas.sdk.testing_webhooks import WebhookChecks, webhook_event
from ipaas.sdk.tokens import granting

CANARY = "canary-7c1f0b"
CANARY_NUMBER = "7140266018"
"""A session's token where it goes into the body, which may want a number there."""
SIGNING_SECRET = "whsec_Y2FuYXJ5LTdjMWYwYi1jYW5hcnktN2MxZjBi"  # noqa: S105 - sample of the test kit
DEADLINE_S = 10
PLAIN_STATUSES = {
    429: {ErrorClass.THROTTLED},
    503: {ErrorClass.TRANSIENT, ErrorClass.THROTTLED},
    401: {ErrorClass.AUTH},
}
"""What these statuses mean whatever the body says: a rule that looks at the body must not swallow them."""


@dataclass(slots=True)
class Bench:
    """A connector beside its running stub."""

    connector: Connector
    server: StubServer
    client: HttpClient
    port: int
    smtp_port: int
    config: Mapping[str, Any]

    def io(self, *, key: str | None = None, scheme: AuthScheme | None = None) -> KitTransports:
        chosen = scheme or next(iter(self.connector.manifest.auth.values()))
        secrets = {one.name: CANARY for one in chosen.fields}
        secrets |= {name: SIGNING_SECRET for name in secrets if name.startswith("signing_secret")}
        if (grant := granting(chosen)) is not None:
            secrets["access_token"] = token = CANARY_NUMBER if grant.send_body else CANARY
            self.server.vendors[self.connector.slug].authority.begin(grant, token)
        for part in chosen.parts:
            if part.type == "jwt_bearer":
                secrets["private_key"] = _signing_key(part.algorithm)
        base_url = f"http://127.0.0.1:{self.port}/{self.connector.slug}"
        config = {**self.connector.with_config_defaults(self.config)}
        if self.connector.manifest.protocol == "smtp":
            config |= {"host": "127.0.0.1", "port": self.smtp_port, "security": "none"}
        return KitTransports(self.client, base_url, chosen, config, key, secrets)

    async def run(self, name: str, *, key: str = "kit-1", scheme: AuthScheme | None = None) -> Any:
        """One action with its example; the key as the gateway would give it."""
        return await self.connector.execute(name, self.example(name), self.io(key=key, scheme=scheme))

    async def run_before(self, name: str) -> None:
        """The actions that stand before ``name`` in the manifest, which make what it needs."""
        for other in self.connector.manifest.actions:
            if other == name:
                return
            await self.run(other, key=f"before-{other}")

    def example(self, name: str) -> dict[str, Any]:
        return dict(self.connector.manifest.actions[name].params_example)

    def fault(self, name: str, **script: Any) -> None:
        document = {"vendor": self.connector.slug, "action": name, **script}
        self.server.faults.add(document, actions=self.server.actions)

    def effects(self, name: str) -> int:
        """Lines of the ledger that say that the action had an effect."""
        return self.server.ledger.counts[self.connector.slug, name, "effect"]


class ConnectorSuite(PageChecks, WebhookChecks):
    """What every connector must keep. Subclasses set ``folder``, and ``config`` for other settings than the example."""

    folder: Path
    config: Mapping[str, Any] = {}
    stubbed: bool = True

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.config or self.connector.manifest.config_example

    @property
    def connector(self) -> Connector:
        return _loaded(self.folder)

    @property
    def stub_actions(self) -> list[ActionSpec]:
        """The actions that the stub answers."""
        if not self.stubbed:
            return []
        manifest = self.connector.manifest
        known = manifest.stub.get("operations", {})
        return [one for one in manifest.actions.values() if one.name in known or manifest.protocol == "smtp"]

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        """The connector with its own stub, ledger and client."""
        with TemporaryDirectory() as folder:
            ledger = Path(folder) / "ledger.jsonl"
            server = StubServer([self.connector], ledger=ledger, token="kit", post=_no_post)  # noqa: S106
            listeners = await server.listen("127.0.0.1", 0, 0)
            ports = [listener.sockets[0].getsockname()[1] for listener in listeners]
            try:
                async with HttpClient() as client:
                    yield Bench(self.connector, server, client, ports[0], ports[1], self.settings)
            finally:
                for listener in listeners:
                    listener.close()
                await asyncio.gather(*(listener.wait_closed() for listener in listeners))
                server.ledger.close()

    def test_the_folder_is_complete(self) -> None:
        readme = (self.folder / "README.md").read_text("utf-8")
        check(self.connector.manifest.title in readme, "the README names the connector")
        for name in self.connector.manifest.actions:
            check(f"`{name}`" in readme, f"the README names the action {name}")
        icon = ElementTree.parse(self.folder / "icon.svg").getroot()  # noqa: S314 - a file of this repository
        tags = {element.tag.rpartition("}")[2] for element in icon.iter()}
        check(tags <= {"svg", "path", "rect", "circle", "g", "title"}, f"the icon is plain shapes, not {tags}")

    def test_settings_and_examples_fit_their_schemas(self) -> None:
        errors = self.connector.config_errors({**self.settings})
        check(not errors, f"the connection's settings are wrong: {errors}")
        for name, action in self.connector.actions.items():
            check(action.spec.params_example or not action.spec.params_schema.get("required"), f"{name} has no example")
            action.checked_params(dict(action.spec.params_example))
        manifest = self.connector.manifest
        if manifest.test_action:
            self.connector.action(manifest.test_action).checked_params(dict(manifest.test_params))

    def test_every_effect_expression_gives_an_effect(self) -> None:
        for action in self.connector.actions.values():
            params = action.checked_params(dict(action.spec.params_example))
            config = self.connector.with_config_defaults(self.settings)
            try:
                action.told_effect(params, config)
            except (ExpressionError, ValueError) as error:
                _fail(f"the effect of {action.spec.name} can not be told: {error}")

    def test_unknown_parameters_are_refused_before_anything_leaves(self) -> None:
        for name, action in self.connector.actions.items():
            try:
                self.connector.preview(name, {**action.spec.params_example, "no_such": 1}, {}, None)
            except ActionError as error:
                check(error.error_class is ErrorClass.CONTRACT_VIOLATION, f"{name}: {error.error_class}")
                check(not error.sent and error.applied is False, f"{name}: nothing was sent")
            else:
                _fail(f"{name} takes a parameter that its schema does not know")

    async def test_every_action_works_against_the_stub(self) -> None:
        async with self.bench() as bench:
            for action in self.stub_actions:
                result = await bench.run(action.name, key=f"key-{action.name}")
                check(result.request is not None, f"{action.name} shows its request")

    async def test_every_scheme_authenticates_and_no_credential_is_shown(self) -> None:
        for scheme in self.connector.manifest.auth.values():
            async with self.bench() as bench:
                for action in self.stub_actions:
                    io = bench.io(key=f"key-{action.name}", scheme=scheme)
                    result = await self.connector.execute(action.name, bench.example(action.name), io)
                    shown = repr(result.request) + repr(result.data)
                    check(CANARY not in shown, f"{action.name} shows the credential of {scheme.name}")
                    check(CANARY_NUMBER not in shown, f"{action.name} shows the token of {scheme.name}")
                    secret_is_sent = scheme.type in ("api_key", "bearer") or granting(scheme) is not None
                    on_wire = not io.wire or not secret_is_sent or CANARY in io.wire[-1]
                    check(on_wire, f"{scheme.name} did not authenticate {action.name}")

    def test_every_error_rule_is_reached(self) -> None:
        for action in self.connector.manifest.actions.values():
            rules = (*action.errors, *self.connector.manifest.errors)
            for rule in rules:
                if rule.regex:
                    continue
                status, headers, body = _answer_for(rule)
                verdict = classify(status, headers, body, rules)
                check(verdict is not None, f"no rule takes {status} {body}")
                found = verdict.error_class if verdict else None
                check(found is rule.error_class, f"{status} {body} is {found}, not {rule.error_class}")

    async def test_statuses_are_classified_and_retry_after_is_read(self) -> None:
        for action in self.stub_actions:
            for status, wait in ((429, "7"), (503, "soon"), (401, "")):
                async with self.bench() as bench:
                    await bench.run_before(action.name)
                    bench.fault(action.name, kind="status", status=status, retry_after=wait)
                    error = await _error_of(bench, action.name)
                    over_http = self.connector.manifest.protocol == "http"
                    check(not over_http or error.http_status == status, f"{action.name}: {error.http_status}")
                    expected = PLAIN_STATUSES[status]
                    check(
                        not over_http or error.error_class in expected, f"{action.name}: {status} {error.error_class}"
                    )
                    check(error.retry_after_s in ((7.0, None) if wait == "7" else (None,)), f"{error.retry_after_s}")
                    check(bench.effects(action.name) == 0 or action.effect == "safe", "a refused call has no effect")

    async def test_a_business_rejection_is_one(self) -> None:
        for action in self.stub_actions:
            if "rejection" not in self.connector.manifest.stub:
                continue
            async with self.bench() as bench:
                await bench.run_before(action.name)
                bench.fault(action.name, kind="reject")
                error = await _error_of(bench, action.name)
                check(error.error_class is ErrorClass.BUSINESS_REJECTION, f"{action.name}: {error.error_class}")
                check(error.applied is False, "a rejection certainly had no effect")

    async def test_a_changed_shape_is_a_contract_violation(self) -> None:
        for action in self.stub_actions:
            if action.response.schema is None:
                continue
            async with self.bench() as bench:
                await bench.run_before(action.name)
                bench.fault(action.name, kind="drift")
                error = await _error_of(bench, action.name)
                check(error.error_class is ErrorClass.CONTRACT_VIOLATION, f"{action.name}: {error.error_class}")
                check(error.applied is None, "the effect may have happened")

    async def test_a_broken_answer_leaves_the_outcome_open(self) -> None:
        for action in self.stub_actions:
            for kind in ("reset", "half"):
                async with self.bench() as bench:
                    await bench.run_before(action.name)
                    bench.fault(action.name, kind=kind, when="after")
                    error = await _error_of(bench, action.name)
                    check(error.sent and error.applied is None, f"{action.name} after {kind}: {error.applied}")

    async def test_a_repeated_key_has_one_effect(self) -> None:
        for action in self.stub_actions:
            async with self.bench() as bench:
                await bench.run_before(action.name)
                params = self.connector.action(action.name).checked_params(bench.example(action.name))
                if self.connector.action(action.name).effect_for(params, bench.io().config) is not Effect.KEYED:
                    continue
                before = bench.effects(action.name)
                done = bench.connector.manifest.stub.get("operations", {}).get(action.name, {}).get("do")
                await bench.run(action.name, key="same")
                try:
                    await bench.run(action.name, key="same")
                except ActionError as error:
                    gone = done == "delete" and error.error_class is ErrorClass.NOT_FOUND
                    check(gone, f"{action.name} can not be repeated: {error.message}")
                recorded = done == "record"
                natural_only = not (action.idempotency.header or action.idempotency.field)
                expected = 2 if recorded and natural_only else 1
                check(bench.effects(action.name) - before <= expected, f"{action.name} had its effect twice")

    async def test_a_look_up_tells_whether_the_effect_happened(self) -> None:
        for action in self.stub_actions:
            if action.idempotency.lookup is None:
                continue
            async with self.bench() as bench:
                await bench.run_before(action.name)
                params = bench.example(action.name)
                asked = await self.connector.look_up(action.name, params, bench.io())
                check(not asked.found, f"{action.name} finds what never happened")
                bench.fault(action.name, kind="reset", when="after", times=1)
                error = await _error_of(bench, action.name)
                check(error.sent, "the request was sent")
                asked = await self.connector.look_up(action.name, params, bench.io())
                check(asked.found and asked.data, f"{action.name} does not find what happened")
                schema, made = action.response.schema, action.response.result
                if isinstance(made, Mapping):
                    same = isinstance(asked.data, Mapping) and made.keys() == asked.data.keys()
                    check(same, f"the look-up's result is not like the call's: {asked.data}")
                    continue
                errors = findings(compile_schema(schema), asked.data) if schema and made is None else []
                check(not errors, f"the look-up's result is not like the call's: {errors}")

    async def test_polls_give_items_once(self) -> None:
        for trigger in self.connector.manifest.triggers.values():
            if trigger.kind != "poll" or not self.stubbed:
                continue
            async with self.bench() as bench:
                first = await self.connector.poll(trigger.name, None, bench.io(), trigger.params_example)
                check(first.items, f"{trigger.name} gives nothing")
                second = await self.connector.poll(trigger.name, first.cursor, bench.io(), trigger.params_example)
                known = {item.key for item in first.items}
                check(not known & {item.key for item in second.items}, "the cursor gives the same items again")

    def test_webhooks_are_signed_and_fit_their_schema(self) -> None:
        stub = self.connector.manifest.stub.get("webhooks")
        if not stub:
            return
        trigger = self.connector.manifest.triggers[stub["trigger"]]
        sending = Sending(trigger, "http://127.0.0.1/hooks", SIGNING_SECRET, event=stub["event"], count=20)
        for delivery in signed_deliveries(sending):
            if trigger.signature is None:
                _fail("a webhook trigger has a signature")
            verify(
                trigger.signature,
                headers=delivery.headers,
                body=delivery.body,
                secrets=[SIGNING_SECRET],
                now=clock.now(),
            )
            headers = {name.lower(): value for name, value in delivery.headers.items()}
            delivery_id, event = webhook_event(trigger, headers, json.loads(delivery.body))
            check(delivery_id == delivery.delivery_id and event == stub["event"], "id and event are where they belong")
            errors = findings(compile_schema(trigger.events[stub["event"]].schema), json.loads(delivery.body))
            check(not errors, f"the body breaks its schema: {errors}")


@cache
def _loaded(folder: Path) -> Connector:
    return load_folder(folder)


async def _error_of(bench: Bench, name: str) -> ActionError:
    try:
        await bench.run(name)
    except ActionError as error:
        check(CANARY not in f"{error} {vars(error)}", f"an error of {name} shows the credential")
        return error
    msg = f"{name} took a broken answer for a good one"
    raise AssertionError(msg)


def _answer_for(rule: ErrorRule) -> tuple[int, dict[str, str], Any]:
    """An answer that the rule's conditions describe."""
    status = min(rule.statuses) if rule.statuses else (rule.status_class or 4) * 100 + (0 if rule.status_class else 22)
    body: Any = {}
    if rule.path:
        leaf = rule.equals[0] if rule.equals else "some-code"
        body = _with_lists(with_path({}, rule.path, leaf)) if rule.present is not False else {}
    return status, {rule.header: "7"} if rule.header else {}, body


def _with_lists(value: Any) -> Any:
    """Objects whose only key is 0 stand for lists."""
    if not isinstance(value, dict):
        return value
    if list(value) == ["0"]:
        return [_with_lists(value["0"])]
    return {name: _with_lists(one) for name, one in value.items()}


def _fail(message: str) -> NoReturn:
    raise AssertionError(message)


async def _no_post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    _fail("the kit's stub sends no webhooks")


@cache
def _signing_key(algorithm: str) -> str:
    """A private key of the kind that an algorithm signs with (PEM); for HMAC any long text."""
    if algorithm.startswith("HS"):
        return CANARY * 8
    key: Any = ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        key = ec.generate_private_key({"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}[algorithm])
    elif algorithm != "EdDSA":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return str(key.private_bytes(*form).decode("ascii"))
