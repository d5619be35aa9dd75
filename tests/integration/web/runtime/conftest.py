"""Browsers of people with one role each, in a workspace whose flows really run, and a stranger's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from ipaas.accounts import services as accounts
from ipaas.core.actor import SYSTEM
from tests.factories.people import make_member
from tests.integration.runtime.conftest import World, gateway, world

__all__ = ["gateway", "world"]

Asked = Callable[..., Any]


class Browser:
    """One person; addresses are named by view, in the workspace of the test."""

    def __init__(self, workspace: Any, role: str, world: World) -> None:
        self.client = Client()
        self.client.force_login(make_member(workspace, f"{role}@{workspace.slug}.example", role).user)
        self._place = world.workspace.slug

    def url(self, name: str, *args: Any) -> str:
        return reverse(name if ":" in name else f"runtime:{name}", args=[self._place, *args])

    def get(self, name: str, *args: Any, htmx: bool = False, **query: Any) -> Any:
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.get(self.url(name, *args), query, headers=headers)

    def post(self, name: str, *args: Any, **data: Any) -> Any:
        """With redirects followed, so that the answer is the page with the message."""
        return self.client.post(self.url(name, *args), data, follow=True)


@pytest.fixture(autouse=True)
def _clean() -> None:
    cache.clear()


@pytest.fixture
def browser(world: World) -> Callable[[str], Browser]:
    return lambda role: Browser(world.workspace, role, world)


@pytest.fixture
def operator(browser: Callable[[str], Browser]) -> Browser:
    return browser("operator")


@pytest.fixture
def stranger(world: World) -> Browser:
    """An administrator of another workspace."""
    elsewhere = accounts.create_workspace(slug="globex", name="Globex", actor=SYSTEM)
    return Browser(elsewhere, "admin", world)


def text_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text
