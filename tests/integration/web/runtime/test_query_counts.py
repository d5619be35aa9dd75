"""How many queries pages take: few, no more with more rows, and a poll without news next to none."""

import html
import re
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipaas.accounts import services as accounts
from ipaas.core.actor import SYSTEM
from ipaas.runtime import today
from ipaas.runtime.models import Approval, DeadLetter, Run
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed
from tests.integration.web.runtime.conftest import Browser

MOST = 27
LIVE = ("home", "runs", "run", "approvals")
OF_A_POLL = 4
"""Session, person, membership with workspace and environments, and whether there is news."""
OF_THE_FRAME = r"runtime_(run|work|deadletter|approval)\b"

PAGES = {
    "home": "",
    "runs": "runs/",
    "runs of a flow": "runs/?status=dead&flow=orders",
    "runs by id": "runs/?q=o-0",
    "run": "runs/{waiting}/",
    "dead run": "runs/{dead}/",
    "dead letters": "dead-letters/",
    "dead letter": "dead-letters/{letter}/",
    "approvals": "approvals/",
    "approval": "approvals/{approval}/",
    "flows": "flows/",
    "flow": "flows/orders/",
    "flow editor": "flows/orders/edit/",
    "flow test": "flows/orders/test/",
    "mappings": "mappings/",
    "schemas": "schemas/",
    "endpoints": "endpoints/",
    "catalog": "catalog/",
    "connections": "connections/",
    "webhooks": "webhooks/",
    "vault": "vault/",
    "audit": "audit/",
    "settings": "settings/",
    "workers": "settings/health/",
}


@pytest.fixture(autouse=True)
def _whole_day_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late it is, Home counts all of the day at once."""
    monkeypatch.setattr(today, "MOST_COUNTED_AT_ONCE", 1000)


@pytest.fixture
def person(browser: Callable[[str], Browser], world: World) -> Browser:
    """Who may do everything, in a workspace with two environments."""
    accounts.create_environment(workspace=world.workspace, slug="staging", name="Staging", actor=SYSTEM)
    return browser("admin")


def fill(world: World, count: int) -> None:
    """As many runs that wait for a decision, and as many that failed, of two flows with two causes."""
    ask = {"title": "Ship {{ trigger.body.id }}?", "evidence": {}, "approvers": "approver", "expires": "P1D"}
    asking = world.flow(call("charge", undo=True), call("ship"), {"id": "ask", "approval": ask})
    failing = [asking, world.flow(call("charge", undo=True), slug="other", title="Other")]
    for number in range(count):
        world.gateway.clear()
        world.play(asking, {"id": f"o-{number}"})
        for cause in ("no_stock", "no_money"):
            world.gateway.on("charge", failed(code=cause))
            for flow in failing:
                world.play(flow, {"id": f"o-{number}"})
    assert Approval.objects.count() >= count


def address(world: World, name: str) -> str:
    path = PAGES[name].format(
        waiting=Run.objects.filter(status="waiting").latest("id").id,
        dead=Run.objects.filter(status="dead").latest("id").id,
        letter=DeadLetter.objects.latest("id").id,
        approval=Approval.objects.latest("id").id,
    )
    return f"/w/{world.workspace.slug}/{path}"


def queries_of(person: Browser, url: str, *, status: int = 200, **headers: str) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        answer = person.client.get(url, headers=headers)
    assert answer.status_code == status, url
    return [one["sql"] for one in seen.captured_queries]


def test_no_page_takes_many_queries_and_none_takes_more_for_more_rows(world: World, person: Browser) -> None:
    taken: list[dict[str, int]] = []
    for count in (1, 3):
        fill(world, count)
        cache.clear()
        for name in PAGES:  # what is kept per process is kept from here on
            queries_of(person, address(world, name))
        cache.clear()
        taken.append({name: len(queries_of(person, address(world, name))) for name in PAGES})
    few, many = taken
    assert {name: number for name, number in many.items() if number >= MOST} == {}
    assert {name: (few[name], many[name]) for name in PAGES if many[name] > few[name]} == {}


@pytest.mark.parametrize("name", LIVE)
def test_a_poll_without_news_is_one_query(world: World, person: Browser, name: str) -> None:
    fill(world, 2)
    url = address(world, name)
    text = person.client.get(url).content.decode()
    polled = re.findall(r'hx-get="([^"]+)"[^>]*hx-trigger="every', text)
    assert len(polled) == 1
    asked = queries_of(person, urljoin(url, html.unescape(polled[0])), status=204, **{"HX-Request": "true"})
    assert len(asked) == OF_A_POLL, asked
    assert "accounts_environment" in asked[2]
    assert re.search(OF_THE_FRAME, asked[3])
