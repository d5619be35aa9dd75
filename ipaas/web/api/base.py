"""What every view of the API shares: the actor, strict input, request ids, idempotency, pages."""

from collections.abc import Callable, Set
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from ipaas.accounts.addresses import client_ip
from ipaas.accounts.idempotency import Answer, answer_once, check_key
from ipaas.accounts.models import Workspace
from ipaas.core import jsonio
from ipaas.core.actor import Actor
from ipaas.core.errors import NotFound, TooLarge
from ipaas.web.api import sparse
from ipaas.web.api.fields import StrictSerializer
from ipaas.web.api.queries import READ_PARAMETERS, refuse_unknown
from ipaas.web.api.throttling import spend

READS = ("GET", "HEAD")


class ApiViewSet(GenericViewSet[Any]):
    """A view of one workspace. ``required_permissions`` names a permission per action; without one, nobody may.

    ``shown_once`` names members of answers that are null when a POST is answered again from what was kept.
    ``files`` names the actions that answer with a file instead of JSON; ``request_headers`` describes, per action,
    headers that it heeds beside those of all; ``json_limits`` bound the bodies that it takes.

    Every POST takes an ``Idempotency-Key``, every GET ``fields`` and otherwise only the parameters that its
    description names; the answer says what is left of the caller's allowance.
    """

    required_permissions: ClassVar[dict[str, str]] = {}
    json_limits: ClassVar[jsonio.JsonLimits] = jsonio.DEFAULT
    shown_once: ClassVar[frozenset[str]] = frozenset()
    files: ClassVar[frozenset[str]] = frozenset()
    request_headers: ClassVar[dict[str, dict[str, str]]] = {}
    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        allowance = getattr(request, "allowance", None)
        for name, value in allowance.headers.items() if allowance is not None else ():
            response[name] = value
        return response

    def perform_authentication(self, request: Request) -> None:
        """Whoever tries out keys has the allowance of an address."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            spend(request, f"address:{client_ip(request)}")
            raise

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in READS:
            _read_body(request._request, self.json_limits.max_bytes)  # noqa: SLF001 - bounded, once, before a parser
        super().initial(request, *args, **kwargs)
        if request.method in READS:
            refuse_unknown(self)
            if sparse.PARAMETER in request.query_params:
                vars(self)[request.method.lower()] = self._sparse(request, vars(self)["get"])
        key = request.headers.get("Idempotency-Key")
        if key is not None and request.method == "POST":
            vars(self)["post"] = self._once(check_key(key), self.handler_of_post())

    def check_permissions(self, request: Request) -> None:
        if getattr(self, "action", None) in (None, "metadata"):
            raise MethodNotAllowed(request.method or "")
        super().check_permissions(request)

    @property
    def actor(self) -> Actor:
        return cast("Actor", self.request.auth)

    @property
    def workspace(self) -> Workspace:
        workspace: Workspace = self.request.workspace  # type: ignore[attr-defined]  # bound by accounts.api_auth
        return workspace

    def read(self, serializer: type[StrictSerializer]) -> dict[str, Any]:
        """The body, checked; raises a validation error that names every place."""
        found = serializer(data=self.request.data)
        found.is_valid(raise_exception=True)
        return dict(found.validated_data)

    def read_query(self, serializer: type[StrictSerializer], *, beside: Set[str] = frozenset()) -> dict[str, Any]:
        """The filters of the query string, without the parameters ``beside`` them, checked."""
        others = READ_PARAMETERS | beside
        query = {key: text for key, text in self.request.query_params.items() if key not in others}
        found = serializer(data=query)
        found.is_valid(raise_exception=True)
        return {key: value for key, value in found.validated_data.items() if value not in (None, "")}

    def page_of(self, rows: QuerySet[Any, Any], serializer: type[BaseSerializer[Any]], **shared: Any) -> Response:
        """One page of rows, newest first; ``shared`` goes into the serializer's context."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(serializer(page, many=True, context=shared).data)

    def one(self, rows: QuerySet[Any, Any], what: str, **identity: Any) -> Any:
        """The row of an identity; a missing and a foreign one raise the same ``NotFound``."""
        found = rows.filter(**identity).first()
        if found is None:
            raise NotFound(what=what)
        return found

    def _sparse(self, request: Request, handler: Callable[..., Response]) -> Callable[..., Response]:
        def handle(*args: Any, **kwargs: Any) -> Response:
            response = handler(*args, **kwargs)
            response.data = sparse.only(response.data, request.query_params[sparse.PARAMETER])
            return response

        return handle

    def handler_of_post(self) -> Callable[..., Response]:
        """What the routing has bound to POST; ``MethodNotAllowed`` was raised before where there is nothing."""
        return cast("Callable[..., Response]", vars(self)["post"])

    def _once(self, key: str, handler: Callable[..., Response]) -> Callable[..., Response]:
        def handle(request: Request, *args: Any, **kwargs: Any) -> Response:
            headers: dict[str, str] = {}

            def deed() -> Answer:
                response = handler(request, *args, **kwargs)
                data, kept = response.data, None
                headers.update({name: response[name] for name in ("ETag",) if name in response})
                if self.shown_once and isinstance(data, dict):
                    kept = jsonio.dumps({**data, **dict.fromkeys(self.shown_once & data.keys())})
                return Answer(response.status_code, jsonio.dumps(data), kept=kept)

            raw = request._request.body  # noqa: SLF001 - the bytes as they came
            answer = answer_once(actor=self.actor, route=request.path[:300], key=key, body=raw, deed=deed)
            if answer.repeated:
                headers["Idempotency-Replayed"] = "true"
            return Response(jsonio.loads(answer.body), status=answer.status, headers=headers)

        return handle


def _read_body(request: HttpRequest, most: int) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not str(length).isdigit() or int(length) > most:
        raise TooLarge(what="body", limit=f"{most} bytes")
    if most > jsonio.DEFAULT.max_bytes:
        request._body = request.read(most + 1)  # noqa: SLF001 - beyond what forms may send
    _ = request.body
