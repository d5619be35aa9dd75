"""The kit for writers: a new folder passes, faults have their place, the level is computed, a package loads."""

import importlib
import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipaas.cli.main import main
from ipaas.core.errors import InvalidInput
from ipaas.sdk import testing_webhooks
from ipaas.sdk.checking import check_folder
from ipaas.sdk.loader import load_folder, survey
from ipaas.sdk.packing import pack_folder
from ipaas.sdk.quality import Facts, judge, read_quality
from ipaas.sdk.scaffold import new_folder
from ipaas.sdk.signatures import SCHEMES
from ipaas.sdk.suite import run_suite

MANIFEST = "manifest.yaml"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["connector", *words])


def changed(folder: Path, old: str, new: str, name: str = MANIFEST) -> Path:
    file = folder / name
    text = file.read_text("utf-8")
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new, 1), "utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_folder(tmp_path, "acme-desk", "Acme Desk")


def test_a_new_folder_passes_its_suite_and_its_level_lasts_until_it_is_changed(tmp_path: Path) -> None:
    assert run("new", "acme-desk", "--title", "Acme Desk", "--in", str(tmp_path)).exit_code == 0
    place = tmp_path / "acme-desk"
    assert run("check", str(place)).exit_code == 0
    told = run("test", str(place), "--json")
    assert told.exit_code == 0, told.output
    (found,) = json.loads(told.output)
    assert found["level"] == "silver"
    assert [one["name"] for one in found["missing"]] == ["changes"]
    assert load_folder(place).quality.level == "silver"
    changed(place, "timeout_s: 20", "timeout_s: 21")
    assert load_folder(place).quality.level == ""


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("effect: keyed\n    method: POST", "effect: harmless\n    method: POST", "actions.open_ticket.effect", ""),
        ("test_action: list_tickets", "test_action: gone", "test_action", "there is no action gone"),
        ("param: cursor,", "param: gone,", "actions.list_tickets.pagination.param", "params_schema has no gone"),
        ("{ticket_id: T-1}", "{ticket: T-1}", "actions.get_ticket.params_example", "ticket"),
        ('"{{ params.subject }}"', '"{{ params.subject + }}"', "actions.open_ticket", ""),
        ("slug: acme-desk", "slug: other", "slug", "the folder is called acme-desk"),
        ("title: Get a ticket", "title: [", "manifest.yaml:", ""),
    ],
)
def test_a_fault_is_told_with_its_line_and_a_remedy(folder: Path, old: str, new: str, place: str, words: str) -> None:
    faults = [one for one in check_folder(changed(folder, old, new)) if one.level == "fault"]
    found = next(one for one in faults if place in one.place)
    assert words in found.message
    assert found.remedy
    line = int(found.place.partition(":")[2].split(" ")[0])
    assert 1 <= line <= len((folder / "manifest.yaml").read_text("utf-8").splitlines())
    told = run("check", str(folder))
    assert told.exit_code == 2
    assert place in told.output


def test_what_is_missing_beside_the_manifest_is_told(folder: Path) -> None:
    changed(folder, "`get_ticket`", "get", "README.md")
    changed(folder, "trigger: tickets", "trigger: gone", "samples/ticket-created.yaml")
    (folder / "icon.svg").unlink()
    assert {one.place for one in check_folder(folder) if one.level == "fault"} == {
        "README.md",
        "icon.svg",
        "samples/ticket-created.yaml: trigger",
    }
    assert check_folder(folder.parent)[0].message == "can not be read"


@pytest.mark.parametrize(
    ("name", "old", "new", "test"),
    [
        ("manifest.yaml", 'id: "{{ id }}"', 'identity: "{{ id }}"', "test_every_action_works_against_the_stub"),
        ("samples/ticket-created.yaml", "secret: sample", "secret: other", "test_samples_of_the_vendor_are_understood"),
        (MANIFEST, "subject: The blue mug is chipped", "subject: 7", "test_settings_and_examples_fit_their_schemas"),
        (MANIFEST, "params_example: {ticket_id: T-1}", "", "test_settings_and_examples_fit_their_schemas"),
        (MANIFEST, "effect: keyed", "effect: \"{{ 'perhaps' }}\"", "test_every_effect_expression_gives_an_effect"),
        (MANIFEST, "path: error.code, present: true}\n    class: business_rejection",
         "path: error.code, present: true}\n    class: transient", "test_a_business_rejection_is_one"),
        (MANIFEST, "errors:\n", "errors:\n  - {match: {status: 429}, class: business_rejection}\n",
         "test_statuses_are_classified_and_retry_after_is_read"),
        (MANIFEST, "errors:\n", "errors:\n  - {match: {status: [400, 409, 422]}, class: conflict}\n",
         "test_every_error_rule_is_reached"),
        (MANIFEST, "next: data.next_cursor", "next: \"'same'\"", "test_pages_end_and_hold_every_item_once"),
        (MANIFEST, "next: data.next_cursor", "next: none", "test_pages_end_and_hold_every_item_once"),
        (MANIFEST, "next_cursor: items[-1].changed_at", "next_cursor: none", "test_polls_give_items_once"),
        (MANIFEST, "next_cursor: \"{{ next }}\"", "next_cursor: 7", "test_pages_end_and_hold_every_item_once"),
        (MANIFEST, "reply: {status: 201", "reply: {status: 500", "test_every_action_works_against_the_stub"),
    ],
)  # fmt: skip
def test_the_suite_finds_what_does_not_hold(folder: Path, name: str, old: str, new: str, test: str) -> None:
    outcome = next(one for one in run_suite(changed(folder, old, new, name)) if one.name == test)
    assert outcome.message


@pytest.mark.parametrize(
    ("returned", "test"),
    [
        ("Result({'id': call.io.secret('token')}, None, {}, None, None)",
         "test_every_scheme_authenticates_and_no_credential_is_shown"),
        ("_refused(call.io.secret('token'))", "test_a_business_rejection_is_one"),
    ],
)  # fmt: skip
def test_code_that_shows_a_credential_is_found(folder: Path, returned: str, test: str) -> None:
    (folder / "connector.py").write_text(LEAKY.format(returned=returned))
    outcome = next(one for one in run_suite(folder) if one.name == test)
    assert "shows the credential" in outcome.message


LEAKY = """
from ipaas.core.errors import ErrorClass
from ipaas.sdk.connector import Result
from ipaas.sdk.errors import ActionError

def _refused(text):
    raise ActionError(ErrorClass.BUSINESS_REJECTION, "refused", text, sent=True, applied=False)

async def get_ticket(call):
    return {returned}

HANDLERS = {{"get_ticket": get_ticket}}
"""


def test_a_level_is_capped_by_what_the_manifest_lacks(folder: Path) -> None:
    text = (folder / MANIFEST).read_text("utf-8")
    signature = next(line for line in text.splitlines() if "signature:" in line)
    (folder / MANIFEST).write_text(text.replace(signature, "    signature: {scheme: none}"), "utf-8")
    unsigned = judge(Facts(load_folder(folder).manifest, ()), {})
    assert (unsigned.level, unsigned.missing[0].reason) == ("bronze", "not signed: tickets")


def test_a_folder_that_holds_no_connectors_is_told(folder: Path) -> None:
    found = survey([folder, folder.parent / "gone"], installed=False)
    assert not found.connectors
    assert [one.reason.partition(": ")[2].partition(".")[0] for one in found.unloaded] == [
        "it is a connector itself",
        "there is no such folder",
    ]


def test_a_failed_suite_is_an_exit_code_and_packs_nothing(folder: Path, tmp_path: Path) -> None:
    changed(folder, "{{ next }}", "{{ none }}")
    assert run("test", str(folder)).exit_code == 1
    assert read_quality(folder).level == "bronze"
    refused = run("pack", str(folder), "--into", str(tmp_path / "dist"))
    assert refused.exit_code == 1
    assert "does not pass its suite" in refused.output
    assert not (tmp_path / "dist").exists()


def test_the_level_follows_from_what_passes_alone(folder: Path) -> None:
    facts = Facts(load_folder(folder).manifest, ())
    assert judge(facts, {}).level == "silver"
    assert {one.name for one in judge(facts, {}).missing} == {"samples", "changes"}
    assert judge(facts, {"test_a_repeated_key_has_one_effect": "twice"}).level == "bronze"
    assert judge(facts, {"test_every_action_works_against_the_stub": "no"}).level == ""
    (folder / "quality.json").write_text('{"level": "gold", "digest": "made up", "requirements": []}')
    assert read_quality(folder).level == ""


def test_a_package_is_found_by_its_entry_point(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = pack_folder(folder, tmp_path / "dist")
    assert wheel.name == "ipaas_connector_acme_desk-0.1.0-py3-none-any.whl"
    assert pack_folder(folder, tmp_path / "again").read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    try:
        found = survey([])
        assert set(found.connectors) == {"acme-desk"}
        clash = survey([folder.parent])
    finally:
        sys.modules.pop("ipaas_connector_acme_desk", None)
    assert set(clash.connectors) == {"acme-desk"}
    (refused,) = clash.unloaded
    assert refused.place == "the package ipaas-connector-acme-desk"
    assert "There are two connectors called acme-desk" in refused.reason
    assert str(folder) in refused.reason


def test_one_broken_folder_keeps_nothing_else_from_working(folder: Path) -> None:
    broken = new_folder(folder.parent, "broken", "Broken")
    (broken / "connector.py").write_text("import no_such_module\n")
    found = survey([folder.parent], installed=False)
    assert set(found.connectors) == {"acme-desk"}
    assert "no_such_module" in found.unloaded[0].reason
    assert check_folder(broken)[0].place == "connector.py"


@pytest.mark.parametrize("slug", ["Acme", "acme--desk", "1st", "../acme", "a" * 61, "acme-desk", ""])
def test_a_slug_that_can_not_be_taken_writes_nothing(folder: Path, slug: str) -> None:
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(InvalidInput):
        new_folder(folder.parent, slug, "Title")
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "none"])
def test_the_suite_proves_refusal_for_every_scheme(scheme: str) -> None:
    form = replace(SCHEMES[scheme], header="X-Signature") if scheme == "hmac" else SCHEMES[scheme]
    refuses = testing_webhooks._refuses_unsigned if scheme in testing_webhooks.UNSIGNABLE else testing_webhooks._refuses
    refuses("trigger", form)


def test_the_suite_notices_a_scheme_that_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing_webhooks, "verify", lambda *_args, **_words: None)
    with pytest.raises(AssertionError, match="takes a delivery with no signature"):
        testing_webhooks._refuses("trigger", SCHEMES["github"])
