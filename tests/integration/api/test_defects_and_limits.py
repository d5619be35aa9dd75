"""What the API answers when we fail, when it is asked wrongly, and when it is asked too often."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from redis import Redis

from ipaas.accounts.models import Workspace
from ipaas.accounts.services import create_api_key, create_service_account
from ipaas.config import settings
from ipaas.core.actor import SYSTEM
from ipaas.web.api import throttling
from ipaas.web.api.workspace import MeViewSet
from tests.integration.api.conftest import Api
from tests.integration.api.test_basics import problem

pytestmark = pytest.mark.django_db


def fail(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError("a detail nobody may see")


def test_a_defect_is_a_problem_with_the_request_id_and_no_detail(
    alice: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(MeViewSet, "retrieve", fail)
    answer = alice.get("me", **{"X-Request-ID": "mine-1"})
    body = problem(answer, 500, "internal")
    assert (body["request_id"], answer.headers["X-Request-ID"]) == ("mine-1", "mine-1")
    assert "nobody may see" not in answer.content.decode()
    assert "request_defect" in capsys.readouterr().out + caplog.text


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/nowhere", "/hooks/abc"])
def test_a_defect_outside_of_any_view_is_a_problem_too(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipaas.accounts.middleware.ActorMiddleware.process_view", fail)
    monkeypatch.setattr("ipaas.accounts.middleware.ActorMiddleware.__call__", fail)
    answer = Client(raise_request_exception=False).get(path)
    body = problem(answer, 500, "internal")
    assert body["request_id"] == answer.headers["X-Request-ID"]


def test_a_page_keeps_its_own_error_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipaas.accounts.middleware.ActorMiddleware.__call__", fail)
    answer = Client(raise_request_exception=False).get("/accounts/login/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/api/v1/me", {"Host": "stranger.example"}, 400, "request.bad"),
        ("/api/nowhere", {}, 404, "not_found"),
        ("/api/v1/me", {"Accept": "text/html"}, 406, "not_acceptable"),
    ],
    ids=["host", "address", "accept"],
)
def test_what_no_view_answers_is_a_problem(path: str, headers: dict[str, str], status: int, code: str) -> None:
    problem(Client().get(path, headers=headers), status, code)


@pytest.mark.parametrize(
    "media_type", ["text/xml", "application/x-www-form-urlencoded", "multipart/form-data", "", "a"]
)
def test_another_media_type_is_refused(alice: Api, media_type: str) -> None:
    answer = alice.client.generic("POST", "/api/v1/flows", b"<a/>", content_type=media_type)
    assert answer.status_code in (400, 415), answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.fixture
def two_a_minute(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    conf = settings().model_copy(update={"api_rate": 2})
    monkeypatch.setattr(throttling, "settings", lambda: conf)
    throttling.forget_local()
    _forget_redis()
    yield
    throttling.forget_local()
    _forget_redis()


def _forget_redis() -> None:
    redis = Redis.from_url(settings().redis_url)
    for key in redis.scan_iter("ipaas:api:*"):
        redis.delete(key)


@pytest.fixture(params=["redis", "local"])
def counted(request: pytest.FixtureRequest, two_a_minute: None, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "local":
        broken = Redis.from_url("redis://127.0.0.1:1/0").register_script("return 1")
        monkeypatch.setattr(throttling, "_script", lambda: broken)
    return str(request.param)


def test_one_request_too_many_is_told_to_wait(alice: Api, bob: Api, counted: str) -> None:
    first, second, third = (alice.get("me") for _ in range(3))
    left = [
        re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["RateLimit"]) for answer in (first, second, third)
    ]
    assert [found[1] for found in left if found] == ["1", "0", "0"]
    assert {answer.headers["RateLimit-Policy"] for answer in (first, second, third)} == {'"default";q=2;w=60'}
    problem(third, 429, "rate_limited")
    assert 1 <= int(third.headers["Retry-After"]) <= 30
    assert left[2]
    assert int(third.headers["Retry-After"]) <= int(left[2][2]) <= 60
    assert bob.get("me").status_code == 200


def test_every_key_has_its_own_allowance(acme: Workspace, counted: str) -> None:
    keys = [create_api_key(workspace=acme, name=name, scopes=["flows.view"], actor=SYSTEM) for name in ("a", "b")]
    one, other = (Api(Client(), Authorization=f"Bearer {key.raw}") for key in keys)
    assert [one.get("me").status_code for _ in range(3)] == [200, 200, 429]
    assert other.get("me").status_code == 200


def test_a_service_account_has_its_own_rate(acme: Workspace, counted: str) -> None:
    robot = create_service_account(
        workspace=acme, slug="robot", name="Robot", roles=["auditor"], rate_per_minute=3, actor=SYSTEM
    )
    made = create_api_key(workspace=acme, name="a", scopes=["flows.view"], service_account=robot, actor=SYSTEM)
    api = Api(Client(), Authorization=f"Bearer {made.raw}")
    answers = [api.get("me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "q=3;" in answers[0].headers["RateLimit-Policy"]


def test_who_tries_out_keys_is_stopped(counted: str) -> None:
    guess = {"Authorization": "Bearer ipk_0_0"}
    answers = [Client().get("/api/v1/me", headers=guess) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert json.loads(answers[2].content)["code"] == "rate_limited"


def test_without_a_limit_nothing_is_counted(alice: Api) -> None:
    assert "RateLimit" not in alice.get("me").headers
