"""Every page below a workspace, found in the URL map: who may, strangers, reading that writes, forms, nonsense."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ipaas.accounts.models import ApiKey, Environment, Membership, User, Workspace
from ipaas.accounts.roles import ROLES
from tests.factories.people import make_member
from tests.integration.api.conftest import _no_vendor_is_called, globex
from tests.integration.api.once import acme, in_acme, subjects, undone

__all__ = ["_no_vendor_is_called", "acme", "globex", "in_acme", "subjects"]
pytestmark = pytest.mark.django_db

OPEN_TO_MEMBERS = {"web:environment_select"}
OF_NO_WORKSPACE = {"connector", "action", "vendor", "fmt", "deed", "name", "value"}
WRITES_BY_GET = {"audit:export", "audit:checkpoints", "runtime:run_export"}
"""An export is itself on record; checkpoints cover all that was done until then."""

NEEDS: dict[str, str] = {
    "apikeys.manage": """
        accounts:key_new accounts:key_rotate accounts:key_revoke accounts:account_new accounts:account_change
        accounts:account_switch
    """,
    "approvals.decide": """
        runtime:approval_decide runtime:approval_delegate
    """,
    "approvals.view": """
        runtime:approval_list runtime:approval_detail
    """,
    "audit.export": """
        audit:export audit:checkpoints audit:export_start audit:job_file
    """,
    "audit.view": """
        audit:entry_list audit:verify audit:job_list
    """,
    "connections.edit": """
        events:endpoint_new events:endpoint_edit events:endpoint_pause events:endpoint_resume
        events:endpoint_rotate events:endpoint_delete events:endpoint_subscribe events:endpoint_unsubscribe
        events:endpoint_check catalog:connection_choose catalog:connection_new catalog:connection_clone
        catalog:connection_connect catalog:connection_go catalog:connection_share catalog:share_revoke
        catalog:revocation_retry catalog:revocation_settle
        catalog:connection_edit catalog:connection_switch catalog:connection_delete catalog:connection_move
    """,
    "connectors.edit": """
        catalog:import_new catalog:import_draft catalog:import_keep catalog:import_discard catalog:connector_edit
    """,
    "connectors.publish": """
        catalog:connector_publish catalog:connector_deprecate
    """,
    "connections.force_breaker": """
        catalog:connection_force
    """,
    "connections.test": """
        catalog:connection_test catalog:connection_try
    """,
    "connections.view": """
        events:endpoint_list events:endpoint_detail catalog:connection_list catalog:connection_detail
        catalog:connector_list catalog:connector_detail catalog:connector_operation
    """,
    "contracts.edit": """
        contracts:contract_new contracts:contract_edit
    """,
    "contracts.publish": """
        contracts:contract_publish contracts:contract_deprecate contracts:contract_archive contracts:contract_restore
        contracts:contract_share contracts:contract_unshare
    """,
    "contracts.view": """
        contracts:contract_list contracts:contract_check contracts:contract_detail contracts:contract_diff
        contracts:contract_text contracts:contract_export
    """,
    "event_types.edit": """
        contracts:event_type_new contracts:event_type_edit
    """,
    "event_types.publish": """
        contracts:event_type_publish contracts:event_type_deprecate contracts:event_type_archive
        contracts:event_type_restore
    """,
    "event_types.view": """
        contracts:event_type_list contracts:event_type_check contracts:event_type_detail contracts:event_type_diff
        contracts:event_type_text
    """,
    "conventions.edit": """
        ownership:convention_new ownership:convention_edit
    """,
    "conventions.publish": """
        ownership:convention_publish ownership:convention_deprecate ownership:convention_archive
        ownership:convention_restore
    """,
    "conventions.view": """
        ownership:convention_list ownership:convention_check ownership:convention_detail ownership:convention_diff
        ownership:convention_text
    """,
    "deadletters.correct": """
        runtime:run_correct runtime:dead_letter_correct runtime:dead_letter_correct_all
    """,
    "deadletters.discard": """
        runtime:dead_letter_discard_all runtime:dead_letter_discard
    """,
    "deadletters.view": """
        runtime:dead_letter_list runtime:dead_letter_group runtime:dead_letter_detail
    """,
    "flows.assign": """
        flows:flow_assign flows:flow_withdraw
    """,
    "flows.edit": """
        flows:flow_new flows:flow_edit
    """,
    "flows.pause": """
        flows:flow_pause flows:flow_resume
    """,
    "flows.publish": """
        flows:flow_promote
        flows:flow_publish flows:flow_deprecate flows:flow_archive flows:flow_restore flows:flow_deploy
        flows:flow_roll_back flows:flow_undeploy
    """,
    "flows.trigger": """
        flows:flow_run flows:flow_test events:endpoint_test events:delivery_redeliver
    """,
    "domains.edit": """
        governance:domain_new governance:domain_edit governance:domain_delete
    """,
    "domains.view": """
        governance:domain_list governance:domain_detail
    """,
    "reviews.decide": """
        governance:review_decide
    """,
    "reviews.request": """
        governance:review_comment governance:review_publish governance:review_withdraw
    """,
    "reviews.view": """
        governance:review_list governance:review_detail
    """,
    "flows.view": """
        web:home web:jump flows:flow_list flows:flow_check flows:flow_detail flows:flow_diff flows:flow_text
    """,
    "functions.edit": """
        mapping:function_new mapping:function_edit
    """,
    "functions.publish": """
        mapping:function_publish mapping:function_deprecate mapping:function_archive mapping:function_restore
    """,
    "functions.view": """
        mapping:function_list mapping:function_check mapping:function_detail mapping:function_diff
        mapping:function_text
    """,
    "lookups.edit": """
        mapping:lookup_new mapping:lookup_edit mapping:lookup_import
    """,
    "lookups.publish": """
        mapping:lookup_publish mapping:lookup_deprecate mapping:lookup_archive mapping:lookup_restore
    """,
    "lookups.view": """
        mapping:lookup_list mapping:lookup_check mapping:lookup_detail mapping:lookup_diff
        mapping:lookup_text mapping:lookup_rows
    """,
    "mappings.edit": """
        mapping:mapping_new mapping:mapping_edit mapping:mapping_presence
        mapping:mapping_tests_change mapping:mapping_drift
        mapping:lookup_bring_along mapping:function_bring_along
    """,
    "mappings.publish": """
        mapping:mapping_publish mapping:mapping_deprecate mapping:mapping_archive mapping:mapping_restore
    """,
    "mappings.view": """
        mapping:mapping_list mapping:mapping_check mapping:mapping_detail mapping:mapping_diff
        mapping:mapping_text mapping:mapping_tests mapping:mapping_tests_check
        mapping:mapping_fields mapping:mapping_suggest mapping:mapping_samples
    """,
    "runs.cancel": """
        runtime:bulk_cancel runtime:run_cancel
    """,
    "runs.replay": """
        runtime:run_replay runtime:run_replay_preview runtime:dead_letter_replay_all runtime:dead_letter_replay
        runtime:bulk_replay_runs
    """,
    "runs.resume": """
        runtime:run_resume runtime:run_settle
    """,
    "runs.skip": """
        runtime:run_skip
    """,
    "runs.view": """
        runtime:run_list runtime:run_detail runtime:run_data runtime:bulk_jobs runtime:bulk_stop
        runtime:bulk_pause runtime:bulk_resume runtime:bulk_count runtime:run_export runtime:filter_save
        runtime:filter_delete runtime:run_compare runtime:story events:delivery_detail
    """,
    "schemas.edit": """
        contracts:schema_new contracts:schema_edit contracts:schema_infer
    """,
    "schemas.override": """
        contracts:schema_accept_break
    """,
    "schemas.publish": """
        contracts:schema_publish contracts:schema_deprecate contracts:schema_archive contracts:schema_restore
    """,
    "schemas.view": """
        contracts:schema_list contracts:schema_check contracts:schema_detail contracts:schema_diff
        contracts:schema_text
    """,
    "secrets.rotate": """
        vault:secret_version_new vault:secret_rotate
    """,
    "secrets.reveal": """
        vault:secret_reveal
    """,
    "secrets.view": """
        vault:secret_list vault:secret_detail
    """,
    "secrets.write": """
        vault:secret_new vault:secret_version_revoke vault:secret_change vault:secret_delete vault:secret_register
        vault:secret_rotation vault:secret_collect
    """,
    "settings.edit": """
        accounts:environment_new accounts:environment_edit accounts:network_change
        accounts:signin_change accounts:vault_change accounts:vault_migrate accounts:reviews_change
    """,
    "settings.view": """
        accounts:settings accounts:keys accounts:environments accounts:network accounts:policies accounts:health
        accounts:signin accounts:vault accounts:vault_check accounts:reviews
    """,
    "stubs.script": """
        catalog:stub_reset catalog:stub_fault catalog:stub_clear catalog:stub_send
        catalog:stub_start catalog:stub_stop
    """,
    "stubs.view": """
        catalog:stub_list catalog:stub_detail
    """,
    "terms.edit": """
        ownership:term_new ownership:term_edit
    """,
    "terms.publish": """
        ownership:term_publish ownership:term_deprecate ownership:term_archive ownership:term_restore
    """,
    "terms.view": """
        ownership:term_list ownership:term_check ownership:term_detail ownership:term_diff
        ownership:term_text
    """,
    "webhooks.edit": """
        notices:webhook_new notices:webhook_edit notices:webhook_pause notices:webhook_resume notices:webhook_rotate
        notices:webhook_delete
    """,
    "webhooks.redeliver": """
        notices:webhook_test notices:webhook_redeliver notices:delivery_redeliver
    """,
    "webhooks.view": """
        notices:webhook_list notices:webhook_detail notices:event_types notices:delivery_detail
    """,
    "users.manage": """
        accounts:member_roles accounts:member_remove accounts:member_switch accounts:member_link
        accounts:member_reset accounts:invitation_new accounts:invitation_renew accounts:invitation_revoke
    """,
}
OF_THE_DEED = dict.fromkeys(
    ("runtime:bulk_stop", "runtime:bulk_pause", "runtime:bulk_resume", "runtime:bulk_count"), "runs.cancel"
)
"""What the deed of the bulk job needs, begun or only counted; that of the tests cancels."""
PERMISSION = {name: permission for permission, names in NEEDS.items() for name in names.split()}


@dataclass(frozen=True)
class Page:
    name: str
    route: str
    view: Any
    takes: tuple[str, ...]

    def path(self, workspace: str, values: dict[str, Any]) -> str:
        """The address with values by parameter, or by parameter of one namespace (``vault.slug``)."""
        space, parts = self.name.partition(":")[0], []
        for part in self.route.replace("<slug:workspace>", workspace).split("/"):
            name = part.strip("<>").rpartition(":")[2] if part.startswith("<") else ""
            parts.append(str(values.get(f"{space}.{name}", values.get(name))) if name else part)
        return "/" + "/".join(parts)


def pages_of(patterns: list[Any], prefix: str = "", space: str = "") -> Iterator[Page]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from pages_of(entry.url_patterns, route, entry.app_name or space)
        elif isinstance(entry, URLPattern) and route.startswith("w/<slug:workspace>/"):
            takes = tuple(name for name in entry.pattern.converters if name != "workspace")
            yield Page(f"{space}:{entry.name}", route, entry.callback, takes)


PAGES = [page for page in pages_of(get_resolver().url_patterns) if page.name not in OPEN_TO_MEMBERS]
EACH = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


@pytest.fixture(autouse=True)
def _sessions_in_cookies(settings: Any, _no_secret_reads_pending: None) -> None:
    """So that a request writes to the database only what its view writes."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.STORAGES = {
        **settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }  # fmt: skip
    cache.clear()


@pytest.fixture
def values(subjects: dict[str, Any]) -> dict[str, Any]:
    """What stands in addresses, of things that exist in Acme."""
    names = ("run", "letter", "approval", "job", "member", "invitation", "delivery", "filter", "draft", "review")
    ids = {f"{name}_id": subjects[name] for name in names}
    slugs = {
        "flows.slug": subjects["flow"], "mapping.slug": subjects["mapping"], "contracts.slug": subjects["schema"],
        "vault.slug": subjects["secret"], "catalog.slug": "payments", "events.slug": "shop",
        "notices.slug": "pager", "governance.slug": subjects["domain"],
        "accounts.slug": subjects["account"],
    }  # fmt: skip
    ids["audit.job_id"], ids["events.delivery_id"] = subjects["audit_job"], subjects["receipt"]
    ids["link_id"] = ids["drift_id"] = ids["revocation_id"] = subjects["member"]  # none of these: found by nobody
    ids |= {kind: subjects[kind] for kind in ("term", "convention", "event_type")}
    key = ApiKey.objects.get(id=subjects["key"]).prefix
    place = {"environment": "production", "connector": "payments", "vendor": "payments", "fmt": "jsonl", "number": 1,
             "deed": "cancel", "action": "get_charge", "name": "order", "value": "o-1", "form": "openapi"}  # fmt: skip
    return {**ids, **slugs, **place, "prefix": key}


def browser(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def member(workspace: Workspace, role: str) -> User:
    return make_member(workspace, f"{role}@{workspace.slug}.example", role).user


def test_every_page_is_in_the_table() -> None:
    assert {page.name for page in PAGES} == set(PERMISSION)


def test_a_page_asks_for_its_permission() -> None:
    assert {page.name: getattr(page.view, "permission", None) for page in PAGES} == PERMISSION


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_gets_what_it_is_for(acme: Workspace, values: dict[str, Any], role: str) -> None:
    client = browser(member(acme, role))
    for page in PAGES:
        for method in ("GET", "POST"):
            with undone():
                status = client.generic(method, page.path("acme", values)).status_code
            expected = {PERMISSION[page.name], OF_THE_DEED.get(page.name, PERMISSION[page.name])} <= ROLES[role]
            assert status == 405 or (status != 403) == expected, f"{role}: {method} {page.name}: {status}"


def test_what_is_foreign_answers_like_what_is_missing(
    globex: Workspace, values: dict[str, Any], subjects: dict[str, Any]
) -> None:
    Environment.objects.create(workspace=globex, slug="production", name="Production")
    client = browser(member(globex, "admin"))
    missing = {name: uuid4() if isinstance(value, UUID) else value for name, value in values.items()}
    for page in PAGES:
        for method in ("GET", "POST"):
            outside = client.generic(method, page.path("acme", values))
            nowhere = client.generic(method, page.path("nowhere", values))
            assert outside.status_code == nowhere.status_code, page.name
            assert outside.status_code in {404, 405}, page.name
            if set(page.takes) - OF_NO_WORKSPACE:
                foreign, none = (client.generic(method, page.path("globex", given)) for given in (values, missing))
                assert foreign.status_code == none.status_code, page.name
                assert foreign.status_code in {404, 405}, page.name


def test_nobody_in_particular_is_led_to_sign_in(values: dict[str, Any]) -> None:
    for page in PAGES:
        for method in ("GET", "POST"):
            answer = Client().generic(method, page.path("acme", values))
            assert answer.status_code == 405 or answer["Location"].startswith("/accounts/login/"), page.name


def test_who_is_no_member_any_more_finds_nothing(acme: Workspace, values: dict[str, Any]) -> None:
    former = member(acme, "admin")
    client = browser(former)
    Membership.objects.filter(user=former).delete()
    for page in PAGES:
        assert client.generic("GET", page.path("acme", values)).status_code in {404, 405}, page.name


def test_reading_writes_nothing(acme: Workspace, values: dict[str, Any]) -> None:
    client = browser(member(acme, "admin"))
    for page in PAGES:
        for method in ("GET", "HEAD"):
            if page.name not in WRITES_BY_GET:
                with undone(read_only=True):
                    answer = client.generic(method, page.path("acme", values))
                assert answer.status_code in {200, 302, 404, 405}, page.name


def test_a_form_of_another_site_is_refused(acme: Workspace, values: dict[str, Any]) -> None:
    client = browser(member(acme, "admin"), enforce_csrf_checks=True)
    for page in PAGES:
        answer = client.post(page.path("acme", values))
        assert answer.status_code in {403, 405}, page.name


# -- nonsense ------------------------------------------------------------------------------------------------------

NONSENSE: dict[str, str] = {
    "nothing": "",
    "spaces": " \t\r\n",
    "nul": "a\x00b",
    "long": "x" * 20_000,
    "huge": "9" * 400,
    "negative": "-1",
    "beyond": str(2**63),
    "fraction": "1e400",
    "not a number": "nan",
    "odd date": "0000-13-99T99:99:99Z",
    "first date": "0001-01-01T00:00:00+14:00",
    "last date": "9999-12-31T23:59:59-14:00",
    "digits": "١٢٣",
    "superscript": "²",
    "astral": "\U0001f4a5\u202e\u2066",
    "script": "</script><script>alert(1)</script>\"'",
    "template": "{{ 7 * 7 }}{% load x %}%s{0}",
    "json": "[" * 5000,
    "half": '"\\ud800"',
    "object": '{"a": 1e999, "a": 2}',
    "uuid": "00000000-0000-0000-0000-000000000000",
    "uuid of text": "not-a-uuid",
    "yaml": "a: &a [*a, !!python/object:os.system x]",
}
BYTES = {"broken utf-8": b"%ff%fe%80", "overlong": b"%c0%80", "half a surrogate": b"%ed%a0%80", "bad escape": b"%zz%u0"}


@contextmanager
def asked_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The names that a view looks up in an address or a form."""
    names: set[str] = set()

    def noting(method: Any) -> Any:
        def look(self: Any, key: str, *args: Any) -> Any:
            names.add(key)
            return method(self, key, *args)

        return look

    with monkeypatch.context() as patched:
        for name in ("get", "getlist", "__getitem__", "__contains__"):
            patched.setattr(QueryDict, name, noting(getattr(QueryDict, name)))
        yield names


def send(client: Client, page: Page, path: str, query: str) -> list[str]:
    """The methods whose answer is a defect; a form is sent with the same in its address."""
    form = {"content_type": "application/x-www-form-urlencoded"}
    failed = []
    for method, data in (("GET", ""), ("POST", query)):
        with undone():
            answer = client.generic(method, f"{path}?{query}", data, **form)
        if answer.status_code >= 500:
            failed.append(f"{method} {page.name}")
    return failed


def learn(client: Client, page: Page, path: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """The names that a page looks up, when it finds those it looked up before too; and its defects meanwhile."""
    with asked_names(monkeypatch) as names:
        failed = send(client, page, path, "")
        if names - {"csrfmiddlewaretoken"}:
            query = QueryDict(mutable=True)
            query.update(dict.fromkeys(sorted(names), "1"))
            failed += send(client, page, path, query.urlencode())
    return sorted(names - {"csrfmiddlewaretoken"}), failed


def test_nonsense_is_no_defect(acme: Workspace, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice in each page, of another kind in every field, and once as bytes that are no text."""
    client = browser(member(acme, "admin"), raise_request_exception=False)
    for page in PAGES:
        path, dice = page.path("acme", values), random.Random(f"nonsense:{page.name}")
        known, failed = learn(client, page, path, monkeypatch)
        for _ in range(2 if known else 0):
            query = QueryDict(mutable=True)
            for name in known:
                query.setlist(name, [NONSENSE[dice.choice(sorted(NONSENSE))]] * dice.choice((1, 1, 2)))
            failed += [f"{one} with {dict(query)}" for one in send(client, page, path, query.urlencode())]
        if known:
            text = "&".join(f"{name}={dice.choice(list(BYTES.values())).decode()}" for name in known)
            failed += [f"{one} with {text}" for one in send(client, page, path, text)]
        assert failed == [], [one[:2000] for one in failed]


@pytest.mark.full
@EACH
def test_no_kind_of_nonsense_is_a_defect(
    acme: Workspace, values: dict[str, Any], page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(member(acme, "admin"), raise_request_exception=False)
    path, dice = page.path("acme", values), random.Random(f"nonsense:{page.name}")
    known, failed = learn(client, page, path, monkeypatch)
    for label, text in NONSENSE.items():
        query = QueryDict(mutable=True)
        for name in known:
            query.setlist(name, [text] * dice.choice((1, 1, 2)))
        failed += [f"{one} with {label}" for one in send(client, page, path, query.urlencode())]
    for label, raw in BYTES.items():
        text = "&".join(f"{name}={raw.decode()}" for name in known)
        failed += [f"{one} with {label}" for one in send(client, page, path, text)]
    assert failed == [], failed
