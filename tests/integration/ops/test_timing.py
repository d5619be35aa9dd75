"""The header that tells how long a request took here; absent unless it is asked for."""

import re

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from ipaas.accounts.models import Workspace
from ipaas.web.timing import ServerTimingMiddleware

pytestmark = pytest.mark.django_db

TIMING = re.compile(r'app;dur=\d+\.\d, db;dur=\d+\.\d;desc="(\d+) queries"')


def answer(request: HttpRequest) -> HttpResponse:
    Workspace.objects.count()
    Workspace.objects.exists()
    return HttpResponse("fine")


def test_time_and_queries_stand_in_the_header() -> None:
    found = ServerTimingMiddleware(answer)(RequestFactory().get("/"))
    told = TIMING.fullmatch(found["Server-Timing"])
    assert told is not None
    assert told[1] == "2"


def test_nothing_is_told_unless_it_is_asked_for() -> None:
    assert "Server-Timing" not in Client().get("/accounts/login/").headers


def test_pages_travel_compressed() -> None:
    assert settings.MIDDLEWARE.index("django.middleware.gzip.GZipMiddleware") < settings.MIDDLEWARE.index(
        "ipaas.web.requests.RequestMiddleware"
    )
    found = Client().get("/accounts/login/", headers={"Accept-Encoding": "gzip"})
    assert found["Content-Encoding"] == "gzip"
