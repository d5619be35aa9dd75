"""What later steps need of a mapping's target."""

from ipaas.flows.catalogue import ActionFacts, Catalogue, ConnectionFacts
from ipaas.flows.consumers import _schema_of, uses_in
from ipaas.mapping.places import schema_places
from ipaas.sdk.manifest import Effect
from tests.factories.flow_documents import call, flow

PARAMS = {
    "properties": {
        "amount": {"type": "integer", "description": "In cents"},
        "to": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
    }
}
CATALOGUE = Catalogue(
    connections={
        "payments": ConnectionFacts(
            connector="payments", actions={"look_up": ActionFacts(effect=Effect.SAFE, params_schema=PARAMS)}
        )
    }
)


def test_a_target_is_wanted_as_steps_read_it() -> None:
    given = {
        "amount": "{{ steps.order.output.total }}",
        "to": "{{ steps.order.output.address }}",
        "note": "Order {{ steps.order.output.number }} of {{ trigger.body.id }}",
    }
    steps = [{"id": "order", "map": {"mapping": "canonical@2"}}, call("charge", given)]
    schema = _schema_of(list(uses_in("orders", flow(steps=steps), "canonical", CATALOGUE)))

    places = {place.path: place for place in schema_places(schema, "")}
    assert {path: (place.type, place.required) for path, place in places.items() if path} == {
        "total": ("integer", True), "address": ("object", True), "address.city": ("string", True),
        "number": ("", True),
    }  # fmt: skip
    assert places["total"].doc == "In cents; orders: charge"


def test_a_flow_that_is_broken_or_uses_another_mapping_wants_nothing() -> None:
    assert list(uses_in("orders", {"steps": 7}, "canonical", CATALOGUE)) == []
    assert list(uses_in("orders", flow(), "canonical", CATALOGUE)) == []
    assert _schema_of([]) == {}
