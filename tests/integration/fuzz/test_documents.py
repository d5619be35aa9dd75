"""Documents that were damaged somewhere, as content and as text: stored whole, or refused with nothing left behind."""

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.contracts.models import Schema, SchemaVersion
from ipaas.core import yamlio
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import IpaasError
from ipaas.flows.models import Flow, FlowVersion
from ipaas.flows.queries import plan_for
from ipaas.flows.yaml_form import to_yaml
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping, MappingVersion
from tests.factories.flow_documents import flow, function, lookup, mapping, schema

pytestmark = pytest.mark.django_db

STEPS: list[dict[str, Any]] = yamlio.load("""
- id: note
  map: {fields: {order: trigger.body.id, lines: {each: trigger.body.lines, as: l, fields: {sku: l.sku}}}}
- id: choice
  branch:
    - when: steps.note.output.order == 'x'
      steps: [{id: end, stop: {status: failed, reason: "'no'"}}]
- id: both
  parallel: {branches: [{id: a, steps: [{id: w, wait: {for: PT1M}}]}, {id: b, steps: [{id: v, wait: {for: PT1M}}]}]}
- id: all
  for_each: {items: trigger.body.lines, as: line, steps: [{id: one, map: {fields: {sku: line.sku}}}]}
""")
WHOLE = {
    "flow": flow(steps=STEPS),
    "mapping": mapping(),
    "schema": schema(),
    "lookup": lookup(),
    "function": function(),
}
WATCHED = (AuditEntry, Flow, FlowVersion, Mapping, MappingVersion, Schema, SchemaVersion)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12)
    | st.sampled_from(["{{ 9 ** 9 }}", "'x' * 10 ** 9", "steps.none.output", "P9999Y", "order@99", "../x", "\0",
    "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
places = st.lists(st.integers(0, 20), max_size=8)


def graft(content: Any, place: list[int], value: Any) -> Any:
    """Put a value at some place of a content, chosen by numbers."""
    if not place or not isinstance(content, dict | list) or not content:
        return value
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = keys[place[0] % len(keys)]
    grafted = graft(content[key], place[1:], value)
    if isinstance(content, dict):
        return {**content, key: grafted}
    return [*content[:key], grafted, *content[key + 1 :]]


def _rows() -> list[int]:
    return [model.objects.count() for model in WATCHED]


def refused(error: IpaasError) -> None:
    assert 400 <= error.status < 500
    json.dumps(error.as_problem())


def apply(workspace: Workspace, **document: Any) -> None:
    """Apply a document and undo it: refused, it leaves no row; published, a flow has a plan."""
    with transaction.atomic():
        before = _rows()
        try:
            applied = apply_document(actor=SYSTEM, workspace=workspace, **document)
        except IpaasError as error:
            refused(error)
            assert _rows() == before
        else:
            assert _rows() != before
            if isinstance(applied.version, FlowVersion):
                assert plan_for(applied.version.id).flow_slug == applied.document.slug
        transaction.set_rollback(True)


lasting = settings(
    max_examples=settings.default.max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.objects.create(slug="fuzz", name="Fuzz")


@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_what_is_whole_is_taken(workspace: Workspace, kind: str) -> None:
    assert apply_document(actor=SYSTEM, workspace=workspace, content=WHOLE[kind]).version is not None


@pytest.mark.parametrize("kind", sorted(WHOLE))
@lasting
@given(place=places, value=values)
def test_a_damaged_content(workspace: Workspace, kind: str, place: list[int], value: Any) -> None:
    apply(workspace, content=graft(WHOLE[kind], place, value))


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("kind", sorted(WHOLE))
@lasting
@given(data=st.data())
def test_a_damaged_text(workspace: Workspace, kind: str, form: str, data: st.DataObject) -> None:
    whole = (to_yaml(WHOLE[kind]) if form == "yaml" else json.dumps(WHOLE[kind])).encode()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 12))
    put = data.draw(
        st.binary(max_size=8)
        | st.sampled_from([b"&a ", b"*a", b"!!x ", b"<<: ", b"\t", b"- ", b'"', b"{", b"\xff", b"? ", b"|", b"%"])
    )
    apply(workspace, text=whole[:at] + put + whole[at + cut :])
