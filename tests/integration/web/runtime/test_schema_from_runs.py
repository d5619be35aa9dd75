"""A first schema from runs, in the browser and through the API."""

import json
from collections.abc import Callable
from html import unescape

from django.test import Client

from ipaas.accounts.services import create_api_key
from ipaas.core.actor import SYSTEM
from tests.integration.runtime.conftest import World
from tests.integration.web.runtime.conftest import Browser

USE = {"id": "use", "map": {"fields": {"to": "trigger.body.email"}}}


def test_what_a_flow_got_fills_the_samples_in(world: World, browser: Callable[[str], Browser]) -> None:
    flow = world.flow(USE, slug="orders")
    world.play(flow, {"id": "o-1", "email": "a@shop.example"})
    person = browser("builder")
    assert "Take from the newest runs" in person.get("contracts:schema_infer").content.decode()
    nothing = person.post("contracts:schema_infer", flow="orders", step="nowhere", take="yes")
    assert nothing.status_code == 422
    assert "no run of orders keeps what the step nowhere gave" in unescape(nothing.content.decode())
    found = unescape(person.post("contracts:schema_infer", flow="orders", take="yes", slug="order").content.decode())
    assert '{"id":"o-1"' in found.replace(" ", "")
    assert "personal: every value is an address of mail" in found
    step = unescape(person.post("contracts:schema_infer", flow="orders", step="use", take="yes").content.decode())
    assert 'value="/properties/to"' in step


def test_the_api_takes_one_source_and_only_from_those_who_may_see_runs(world: World) -> None:
    world.play(world.flow(USE, slug="orders"), {"id": "o-1", "email": "a@shop.example"})

    def ask(scopes: list[str], **body: object) -> tuple[int, dict[str, object]]:
        key = create_api_key(workspace=world.workspace, name="k", scopes=scopes, actor=SYSTEM).raw
        path = "/api/v1/schemas/-infer"
        headers = {"Authorization": f"Bearer {key}"}
        answer = Client().post(path, json.dumps(body), content_type="application/json", headers=headers)
        return answer.status_code, answer.json()

    rights = ["schemas.edit", "schemas.view", "flows.view", "runs.view"]
    status, found = ask(rights, flow="orders", limit=5)
    assert (status, found["samples"]) == (200, 1)
    assert ask(rights, flow="orders", step="use")[1]["schema"]["properties"] == {  # type: ignore[index]
        "to": {"type": "string", "x-sensitive": "personal", "format": "email"}
    }
    assert ask(rights, flow="orders", text="{}")[0] == 422
    assert ask(rights, flow="none")[0] == 404
    assert ask(rights, flow="orders", limit=0)[0] == 422
    assert ask(rights[:3], flow="orders")[0] == 403
