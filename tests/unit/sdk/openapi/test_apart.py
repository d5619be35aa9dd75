"""Large descriptions are read by a child process, within limits, telling how far it is."""

from dataclasses import replace
from typing import Any

import pytest

from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput
from ipaas.sdk.manifest_reader import ManifestInvalid
from ipaas.sdk.openapi import OpenApiUnreadable, apart, import_openapi
from ipaas.sdk.openapi.sources import cleaned
from tests.unit.sdk.openapi.documents import document

PADDING = "x" * (apart.SMALL_BYTES + 1)


def large(**more: Any) -> bytes:
    paths = {f"/things{number}": {"get": {"responses": {}}} for number in range(120)}
    return jsonio.dumps(document(paths, **{"x-padding": PADDING, **more}))


def test_a_child_gives_the_same_and_tells_how_far_it_is() -> None:
    data, told = large(), []
    found = apart.read_apart(data, slug="vendor", progress=lambda *one: told.append(one))
    assert found == import_openapi(data, slug="vendor")
    assert [one for one in told if one[0] == "operations"] == [
        ("operations", 0, 120),
        ("operations", 50, 120),
        ("operations", 100, 120),
    ]
    assert [one[0] for one in told][-2:] == ["checking", "packing"]


def test_what_the_child_refuses_is_refused_in_the_same_words() -> None:
    with pytest.raises(OpenApiUnreadable, match="neither the key openapi nor the key swagger"):
        apart.read_apart(jsonio.dumps({"x": PADDING}), slug="vendor")
    with pytest.raises(ManifestInvalid) as caught:
        apart.read_apart(large(), slug="Not a slug")
    assert caught.value.errors[0]["path"] == "slug"


@pytest.mark.parametrize(("limits", "kind"), [({"memory_bytes": 1 << 16}, ""), ({"wall_s": 0.001}, "postman")])
def test_a_description_that_takes_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], kind: str
) -> None:
    monkeypatch.setattr(apart, "LIMITS", replace(apart.LIMITS, **limits))
    with pytest.raises(OpenApiUnreadable, match="reading it takes more than"):
        apart.cleaned_apart(large(), kind) if kind else apart.read_apart(large(), slug="vendor")


def test_what_may_be_kept_is_found_apart_as_it_is_here() -> None:
    command = b"curl https://api.example.com/things -H 'Authorization: Bearer s3cret'"
    found = apart.cleaned_apart(command)
    assert (found, b"s3cret" in found.source) == (cleaned(command), False)
    with pytest.raises(InvalidInput, match="is one of"):
        apart.cleaned_apart(command, "nothing")
    with pytest.raises(OpenApiUnreadable, match="a har file is a JSON object"):
        apart.cleaned_apart(b"[]", "har")
