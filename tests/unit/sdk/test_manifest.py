"""Reading manifests: what is refused and where, and the generated reference."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ipaas.sdk.loader import ConnectorUnloadable, load_all, load_folder
from ipaas.sdk.manifest_reader import ManifestInvalid, manifest_schema, parse_manifest

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = {
    "slug": "sample",
    "title": "Sample",
    "summary": "A sample.",
    "category": "generic",
    "vendor": "Sample Inc (fictional)",
    "version": "1.0.0",
    "auth": [{"name": "none", "type": "none"}],
    "actions": {
        "read": {
            "title": "Read",
            "doc": "Reads.",
            "effect": "safe",
            "method": "GET",
            "path": "/things",
            "params_schema": {"type": "object"},
        },
        "write": {
            "title": "Write",
            "doc": "Writes.",
            "effect": "unkeyed",
            "method": "POST",
            "path": "/things",
            "params_schema": {"type": "object"},
        },
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    document = deepcopy(GOOD)
    at: Any = document
    *heads, last = path.split(".")
    for head in heads:
        at = at.setdefault(head, {})
    at[last] = value
    return document


def test_a_good_manifest_is_read() -> None:
    assert parse_manifest(GOOD, lambda _: {}).actions["read"].effect == "safe"


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("surprise", 1, ""),
        ("slug", "No Slug", "slug"),
        ("version", "one", "version"),
        ("auth", [], "auth"),
        ("actions.read.effect", "harmless", "actions.read.effect"),
        ("actions.write.effect", "keyed", "actions.write.idempotency"),
        ("actions.write.effect", "lookup", "actions.write.idempotency"),
        ("actions.write.idempotency", {"lookup": {"action": "gone", "params": {}, "found": "true"}}, "actions.write"),
        ("actions.write.idempotency", {"lookup": {"action": "write", "params": {}, "found": "true"}}, "actions.write"),
        ("actions.read.method", None, "actions.read.method"),
        ("test_action", "write", "test_action"),
        ("test_action", "gone", "test_action"),
        ("triggers", {"t": {"title": "T", "doc": "D", "kind": "poll"}}, "triggers.t"),
        ("triggers", {"t": {"title": "T", "doc": "D", "kind": "webhook"}}, "triggers.t"),
        ("stub", {"operations": {"gone": {"do": "read"}}}, "stub.operations"),
        ("errors", [{"match": {}, "class": "transient"}], "errors.0.match"),
        ("auth", [{"name": "a", "type": "none"}, {"name": "a", "type": "basic"}], "auth"),
    ],
)
def test_a_wrong_manifest_names_the_place(path: str, value: Any, place: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(changed(path, value), lambda _: {})
    assert any(one["path"].startswith(place) for one in caught.value.errors)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"slug": 1}])
def test_what_is_no_manifest_at_all_is_refused(document: Any) -> None:
    with pytest.raises(ManifestInvalid):
        parse_manifest(document, lambda _: {})


def test_a_folder_without_manifest_or_with_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectorUnloadable):
        load_folder(tmp_path)
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "manifest.yaml").write_text((ROOT / "connectors/loyalty/manifest.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(ManifestInvalid):
        load_folder(folder)


def test_all_connectors_load_once_each() -> None:
    found = load_all([ROOT / "connectors"])
    assert {"http", "storefront", "payments", "inventory", "shipping", "loyalty", "smtp", "postgres", "webhook"} <= set(
        found
    )


def test_every_key_of_the_manifest_has_a_meaning() -> None:
    def keys(schema: dict[str, Any], path: str) -> list[str]:
        bare = []
        for name, below in schema.get("properties", {}).items():
            bare += [] if below.get("description") else [f"{path}.{name}"]
            bare += keys(below, f"{path}.{name}") + keys(below.get("items", {}), f"{path}.{name}")
        return bare

    schema = manifest_schema()
    assert keys(schema, "") == []
    assert [key for name, below in schema["$defs"].items() for key in keys(below, name)] == []
