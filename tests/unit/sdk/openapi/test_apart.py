"""Large descriptions are read by a child process, within limits, telling how far it is."""

from typing import Any

import pytest

from ipaas.core import jsonio
from ipaas.sdk.manifest_reader import ManifestInvalid
from ipaas.sdk.openapi import OpenApiUnreadable, apart, import_openapi
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


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "print('{\"bytes\": 9}')",
        'print(\'{"failed": "memory"}\')',
    ],
)
def test_a_child_that_does_not_end_well_is_said_to_take_too_much(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(apart, "_START", program)
    with pytest.raises(OpenApiUnreadable, match="more than 2 GB of memory or 60 seconds"):
        apart.read_apart(large(), slug="vendor")


def test_the_child_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    program = apart._START.replace("main; sys.exit(main())", "main; import builtins; b = bytearray(3 << 30)")
    program = program.replace(
        "import sys;", "import sys, resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30,) * 2);"
    )
    monkeypatch.setattr(apart, "_START", program)
    with pytest.raises(OpenApiUnreadable):
        apart.read_apart(large(), slug="vendor")
