"""Requests of the command line to the REST API."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ipaas.cli.places import Place
from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.core.net import EgressPolicy, NetError, client_for_loop, close_client_for_loop, parse_url

DEADLINE_S = 150.0
DOWNLOAD_DEADLINE_S = 6 * 3600.0
MAX_ANSWER = 256 * 1024 * 1024
MAX_DOWNLOAD = 1 << 50


class ServerUnreachable(IpaasError):
    """{server} does not answer: {reason}"""

    status = 503
    code = "cli.unreachable"
    title = "Server unreachable"
    remedy = "See whether it runs (`python3 manage.py status`) and whether the address is right."


class ServerProblem(IpaasError):
    """{detail}"""

    code = "cli.problem"
    title = "Refused by the server"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status  # type: ignore[misc]  # the server's, per answer
        self.code = str(problem.get("code", "error"))  # type: ignore[misc]
        self.errors: list[dict[str, Any]] = list(problem.get("errors") or [])
        self._advice = str(problem.get("remedy", ""))
        super().__init__(detail=str(problem.get("detail") or f"the server answered {status}"))

    @property
    def advice(self) -> str:
        return self._advice


class Client:
    """Speaks to one server with one key."""

    def __init__(self, place: Place) -> None:
        self._place = place
        target = parse_url(place.server)
        self._egress = EgressPolicy(frozenset({(target.host, target.port)}))

    def get(self, path: str, **query: Any) -> Any:
        return self._json("GET", path, query=query)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        return self._json("POST", path, body={} if body is None else body, key=key)

    def patch(self, path: str, body: Any) -> Any:
        return self._json("PATCH", path, body=body)

    def put(self, path: str, body: Any) -> Any:
        return self._json("PUT", path, body=body)

    def delete(self, path: str) -> None:
        self._json("DELETE", path)

    def download(self, path: str, write: Callable[[bytes], Any], **query: Any) -> None:
        """Hand an answer of any size on as it comes; raises ServerProblem before the first piece, or what ``write``
        raises."""
        failed: list[OSError] = []

        def take(piece: bytes) -> None:
            try:
                write(piece)
            except OSError as error:
                failed.append(error)
                raise

        try:
            self.raw("GET", path, query, sink=take)
        except ServerUnreachable:
            if failed:
                raise failed[0] from None
            raise

    def pages(self, path: str, *, most: int, **query: Any) -> Iterator[Any]:
        """Members of a list, page by page, up to ``most``."""
        cursor: str | None = None
        while most > 0:
            limit = min(most, 200)
            answer = self.get(path, limit=limit, cursor=cursor, **query)
            yield from answer["items"]
            most -= len(answer["items"])
            cursor = answer.get("next_cursor")
            if cursor is None:
                return

    def one(self, path: str, what: str, **query: Any) -> Any:
        """The only member of a list that a query leaves."""
        found = list(self.pages(path, most=2, **query))
        if len(found) != 1:
            detail = f"There is no {what} like this here." if not found else f"There is more than one such {what}."
            problem = {"code": "not_found" if not found else "cli.ambiguous", "detail": detail}
            raise ServerProblem(404, {**problem, "remedy": "Check its name, and the environment with --environment."})
        return found[0]

    def raw(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str = "",
        sink: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """The bytes of an answer; an answer that says no raises ServerProblem."""
        headers = [(b"authorization", f"Bearer {self._place.key}".encode()), (b"accept", b"application/json")]
        data = b""
        if body is not None:
            headers.append((b"content-type", b"application/json"))
            data = jsonio.dumps(body)
        if key:
            headers.append((b"idempotency-key", key.encode()))
        if sink is not None:
            headers.append((b"accept-encoding", b"identity"))  # it is handed on as it comes
        given = {name: _text(value) for name, value in (query or {}).items() if value not in (None, "")}
        url = f"{self._place.server}/api/v1/{path}" + (f"?{urlencode(given)}" if given else "")
        return asyncio.run(self._send(method, url, headers, data, sink))

    async def _send(
        self,
        method: str,
        url: str,
        headers: list[tuple[bytes, bytes]],
        data: bytes,
        sink: Callable[[bytes], None] | None,
    ) -> bytes:
        deadline_s, most = (DEADLINE_S, MAX_ANSWER) if sink is None else (DOWNLOAD_DEADLINE_S, MAX_DOWNLOAD)
        try:
            answer = await client_for_loop().call(
                method, url, headers, data, egress=self._egress, deadline_s=deadline_s, max_body=most, sink=sink
            )
        except NetError as error:
            raise ServerUnreachable(server=self._place.server, reason=error.detail) from None
        finally:
            await close_client_for_loop()
        if answer.status >= 300:
            raise ServerProblem(answer.status, _problem(answer.body))
        return answer.body

    def _json(self, method: str, path: str, **keywords: Any) -> Any:
        raw = self.raw(method, path, **keywords)
        return jsonio.loads(raw) if raw else None


def part(text: str) -> str:
    """A word of a path."""
    return quote(text, safe="")


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _problem(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
