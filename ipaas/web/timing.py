"""``Server-Timing``: what a request took here, and how much of it was spent in the database."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ServerTimingMiddleware:
    """Adds ``Server-Timing: app;dur=12.3, db;dur=4.5;desc="7 queries"`` (milliseconds), after the W3C.

    Installed only with the setting ``IPAAS_SERVER_TIMING``: the figures tell strangers about the inside.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        clock, started = QueryClock(), time.perf_counter()
        with connection.execute_wrapper(clock):
            response = self.get_response(request)
        taken = (time.perf_counter() - started) * 1000
        response["Server-Timing"] = f'app;dur={taken:.1f}, db;dur={clock.ms:.1f};desc="{clock.queries} queries"'
        return response


class QueryClock:
    """Counts statements and their time; a wrapper of Django's cursors."""

    def __init__(self) -> None:
        self.queries, self.ms = 0, 0.0

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Sequence[Any], many: bool, context: dict[str, Any]
    ) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.queries += 1
            self.ms += (time.perf_counter() - started) * 1000
