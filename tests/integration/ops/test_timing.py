"""The header that tells how long a request took here; absent unless it is asked for."""

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from ipaas.accounts.models import Workspace
from ipaas.web.compression import CompressionMiddleware
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
    found = Client().get("/accounts/login/", headers={"Accept-Encoding": "gzip"})
    assert found["Content-Encoding"] == "gzip"


def test_what_has_a_tag_travels_as_it_is() -> None:
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
    tagged = CompressionMiddleware(lambda _: HttpResponse("x" * 1000, headers={"ETag": '"3"'}))(request)
    assert (tagged["ETag"], tagged.get("Content-Encoding")) == ('"3"', None)
