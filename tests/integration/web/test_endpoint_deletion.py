"""Deleting an endpoint on its page."""

import pytest
from django.test import Client

from ipaas.accounts.models import Environment
from ipaas.accounts.roles import ROLES
from ipaas.events.models import Endpoint
from tests.integration.web.conftest import Browsers, roles_that

ONE = "/w/acme/endpoints/in/production/shop/"


@pytest.fixture
def endpoint(environment: Environment) -> Endpoint:
    return Endpoint.objects.create(
        workspace=environment.workspace, environment=environment, slug="shop", title="Shop", public_id="p" * 20
    )


@pytest.mark.parametrize("role", sorted(ROLES))
def test_only_those_who_edit_see_and_do_it(as_role: Browsers, endpoint: Endpoint, role: str) -> None:
    browser, may = as_role(role), role in roles_that("connections.edit")
    page = browser.get(ONE)
    assert (f"{ONE}delete/" in page.content.decode()) is may
    answer = browser.post(f"{ONE}delete/")
    assert answer.status_code == (302 if may else 403)
    assert Endpoint.objects.exists() is not may


def test_a_stranger_finds_nothing(stranger: Client, endpoint: Endpoint) -> None:
    assert stranger.post(f"{ONE}delete/").status_code == 404
    assert Endpoint.objects.exists()
