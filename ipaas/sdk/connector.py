"""A loaded connector: its actions, triggers and how they are executed."""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ipaas.core.errors import ErrorClass, InvalidInput, IpaasError
from ipaas.core.jsonio import JsonInvalid, loads
from ipaas.core.net import NetError
from ipaas.expressions import ExpressionError, compile_expression, compile_value
from ipaas.sdk.bodies import RequestNotBuildable
from ipaas.sdk.cookies import cookie_pairs
from ipaas.sdk.errors import ActionError, classify, retry_after
from ipaas.sdk.formats.xml import NotXml, read_document
from ipaas.sdk.manifest import ActionSpec, Effect, Lookup, Manifest
from ipaas.sdk.pages import ALL_PAGES, Elsewhere, Pager, PageWalk, bare
from ipaas.sdk.polling import CompiledPoll, PollPage, Settle
from ipaas.sdk.quality import Quality
from ipaas.sdk.requests import BuiltRequest, RequestTemplate
from ipaas.sdk.schemas import Validator, compile_schema, findings, with_defaults
from ipaas.sdk.transports import HttpAnswer, Transports


class ParamsInvalid(InvalidInput):
    """The parameters of {action} are not valid: {summary}"""

    code = "params_invalid"
    title = "Parameters invalid"
    remedy = "Correct the step's with: values; nothing was sent."


@dataclass(frozen=True, slots=True)
class RequestView:
    """The request as it may be shown: without the credential, which is added later."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    cookies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseView:
    """The answer; ``body`` is the value of its JSON or XML, or text where it is neither."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class Result:
    """A good answer. Polls: ``settle`` as in PollPage; ``moves``: the cursor goes on without items too."""

    data: Any
    status: int | None
    headers: Mapping[str, str]
    request: RequestView
    response: ResponseView
    settle: Settle | None = None
    moves: bool = False


@dataclass(frozen=True, slots=True)
class LookupResult:
    """Whether an effect in doubt happened; ``data`` is then the result that the call would have had."""

    found: bool
    data: Any = None


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """What a connector.py handler gets: parameters validated and with defaults."""

    compiled: "Action"
    params: Mapping[str, Any]
    io: Transports

    @property
    def action(self) -> ActionSpec:
        return self.compiled.spec


Handler = Callable[[HandlerCall], Awaitable[Result]]


class Action:
    """One operation, compiled."""

    def __init__(self, spec: ActionSpec, manifest: Manifest) -> None:
        self.spec = spec
        self._validator = compile_schema(dict(spec.params_schema))
        self._effect = None if spec.effect in set(Effect) else compile_value(spec.effect)
        self._request = RequestTemplate(spec, manifest.default_headers)
        self._rules = (*spec.errors, *manifest.errors)
        response = spec.response
        enforced = response.schema is not None and response.enforce
        self._schema: Validator | None = compile_schema(response.schema) if enforced else None
        self._result = compile_value(response.result) if response.result is not None else None
        self.pager = Pager(spec.pagination) if spec.pagination else None

    def checked_params(self, params: Any) -> dict[str, Any]:
        """The parameters with defaults. Raises ParamsInvalid."""
        errors = findings(self._validator, params)
        if errors:
            raise ParamsInvalid(errors, action=self.spec.name)
        return with_defaults(self.spec.params_schema, params)

    def effect_for(self, params: Mapping[str, Any], config: Mapping[str, Any]) -> Effect:
        """The effect of this very call; what cannot be told is unkeyed, the most careful."""
        try:
            return self.told_effect(params, config)
        except (ExpressionError, ValueError):
            return Effect.UNKEYED

    def told_effect(self, params: Mapping[str, Any], config: Mapping[str, Any]) -> Effect:
        """What the manifest says of this call; raises ExpressionError or ValueError where that is no effect."""
        if self._effect is None:
            return Effect(self.spec.effect)
        return Effect(str(self._effect.evaluate({"params": params, "config": config})))

    def build(self, params: Mapping[str, Any], config: Mapping[str, Any], effect_key: str | None) -> BuiltRequest:
        """The request of these checked parameters. Raises RequestNotBuildable."""
        key = effect_key if self.effect_for(params, config) is Effect.KEYED else None
        try:
            return self._request.build({"params": params, "config": config}, effect_key=key)
        except ExpressionError as error:
            raise RequestNotBuildable(reason=error.detail) from error

    def read(self, request: BuiltRequest, answer: HttpAnswer) -> Result:
        """Judge an answer and take the result out of it. Raises ActionError."""
        view, readable = self._response_view(answer)
        verdict = classify(answer.status, answer.headers, view.body if readable else None, self._rules)
        if verdict is not None:
            raise ActionError(
                verdict.error_class,
                verdict.code,
                verdict.message,
                http_status=answer.status,
                retry_after_s=retry_after(answer.headers),
                sent=True,
                applied=verdict.applied,
                retryable=verdict.retryable,
                response=view,
            )
        if not readable:
            wanted = "xml" if self.spec.response.format == "xml" else "json"
            text = f"The vendor's answer is not the {wanted.upper()} that its contract promises."
            raise self._drift(view, f"response_not_{wanted}", text)
        return Result(self._result_of(view), answer.status, answer.headers, request_view(request), view)

    def _response_view(self, answer: HttpAnswer) -> tuple[ResponseView, bool]:
        wanted = self.spec.response.format
        if not answer.body or (wanted == "none" and answer.status < 300):
            return ResponseView(answer.status, answer.headers, None), True
        if wanted == "base64" and answer.status < 300:
            return ResponseView(answer.status, answer.headers, b64encode(answer.body).decode()), True
        failed, is_json = answer.status >= 300, "json" in answer.headers.get("content-type", "")
        text = ResponseView(answer.status, answer.headers, answer.body.decode("utf-8", "replace"))
        try:
            if wanted == "xml" and not (failed and is_json):
                return replace(text, body=read_document(answer.body)), True
            if wanted == "json" or (wanted == "any" and is_json) or failed:
                return replace(text, body=loads(answer.body)), True
        except NotXml:
            return text, failed
        except JsonInvalid:
            return text, wanted != "json" and not is_json
        return text, True

    def _result_of(self, view: ResponseView) -> Any:
        if self._schema is not None:
            errors = findings(self._schema, view.body)
            if errors:
                first = errors[0]
                text = f"The vendor's answer breaks its contract at {first['path'] or 'the top'}: {first['message']}"
                raise self._drift(view, "response_schema", text)
        if self._result is None:
            return view.body
        try:
            return self._result.evaluate({"body": view.body, "status": view.status, "headers": dict(view.headers)})
        except ExpressionError as error:
            raise self._drift(view, "response_result", f"The result cannot be read: {error.detail}") from error

    def _drift(self, view: ResponseView, code: str, message: str) -> ActionError:
        """A good status whose body is not as promised: the effect did happen, so nothing may repeat it blindly."""
        return ActionError(
            ErrorClass.CONTRACT_VIOLATION,
            code,
            message,
            http_status=view.status,
            sent=True,
            applied=None,
            response=view,
        )


class _Actions(Mapping[str, Action]):
    """Actions by name, each compiled when it is first asked for: a vendor's whole API has hundreds."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._compiled: dict[str, Action] = {}

    def __getitem__(self, name: str) -> Action:
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = Action(self._manifest.actions[name], self._manifest)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._manifest.actions)

    def __len__(self) -> int:
        return len(self._manifest.actions)


class Connector:
    """A manifest with its compiled actions and the handlers of its connector.py."""

    def __init__(
        self,
        manifest: Manifest,
        handlers: Mapping[str, Handler] | None = None,
        quality: Quality | None = None,
        code: bytes = b"",
    ) -> None:
        self.manifest, self.quality, self.code = manifest, quality or Quality(), code
        self.handlers = dict(handlers or {})
        self.actions: Mapping[str, Action] = _Actions(manifest)
        self._config_validator = compile_schema(dict(manifest.config_schema) or True)
        self._lookups = {
            name: _CompiledLookup(spec.idempotency.lookup)
            for name, spec in manifest.actions.items()
            if spec.idempotency.lookup
        }
        self._polls = {name: CompiledPoll(spec) for name, spec in manifest.triggers.items() if spec.kind == "poll"}

    def effect_of(self, name: str, config: Mapping[str, Any]) -> Effect:
        """The effect of an action under a connection's settings; compiles it only where it depends on them."""
        effect = self.manifest.actions[name].effect
        return Effect(effect) if effect in set(Effect) else self.actions[name].effect_for({}, config)

    @property
    def slug(self) -> str:
        return self.manifest.slug

    def action(self, name: str) -> Action:
        """Raises ActionError (configuration) for a name that the connector does not have."""
        found = self.actions.get(name)
        if found is None:
            raise ActionError(
                ErrorClass.CONFIGURATION, "unknown_action", f"The connector {self.slug} has no action {name}."
            )
        return found

    def config_errors(self, config: Any) -> list[dict[str, str]]:
        """What is wrong with a connection's settings; empty when nothing is."""
        return findings(self._config_validator, config)

    def with_config_defaults(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The settings with the defaults of config_schema."""
        return with_defaults(self.manifest.config_schema, dict(config))

    async def execute(self, action: str, params: Any, io: Transports) -> Result:
        """Call the vendor once, or for each page where the parameters say so.

        Raises ActionError and nothing else; parameters are checked before anything leaves.
        """
        compiled = self.action(action)
        try:
            checked = compiled.checked_params(params)
        except ParamsInvalid as error:
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, error.code, error.detail) from error
        if compiled.pager is not None and checked.get(ALL_PAGES) is True:
            return await self._all_pages(compiled, compiled.pager, checked, io)
        return (await self._once(compiled, checked, io)).result

    async def _once(
        self, compiled: Action, checked: Mapping[str, Any], io: Transports, at: Elsewhere | None = None
    ) -> "_Exchange":
        try:
            handler = self.handlers.get(compiled.spec.name)
            if handler is not None:
                return _Exchange(await handler(HandlerCall(compiled, checked, io)))
            request = compiled.build(checked, io.config, io.effect_key)
        except RequestNotBuildable as error:
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, error.code, error.detail) from error
        except IpaasError as error:
            raise net_failure(error) from error
        if at is not None:
            request = replace(request, path=at.path, query=at.query)
        try:
            answer = await io.http.send(request.method, request.path, request.query, request.headers, request.body)
        except IpaasError as error:
            raise net_failure(error) from error
        return _Exchange(compiled.read(request, answer), request, len(answer.body))

    async def _all_pages(self, compiled: Action, pager: Pager, checked: Mapping[str, Any], io: Transports) -> Result:
        """The first page's result, its list holding the items of all pages."""
        walk = PageWalk(pager, checked)
        first = page = await self._once(compiled, walk.params, io)
        while True:
            found = page.result
            following = walk.take(found.data, found.response.body, found.headers, page.size)
            if following is None:
                return replace(first.result, data=walk.data)
            walk.move_on(following, page.request, io.base_url)
            try:
                await io.another_request()
            except IpaasError as error:
                raise net_failure(error) from error
            page = await self._once(compiled, walk.params, io, walk.place)

    def preview(self, action: str, params: Any, config: Mapping[str, Any], effect_key: str | None) -> RequestView:
        """The request that ``execute`` would send. Raises ActionError; nothing is sent."""
        compiled = self.action(action)
        try:
            checked = compiled.checked_params(params)
            if action in self.handlers:
                return RequestView(self.manifest.protocol.upper(), action, body=checked)
            return request_view(compiled.build(checked, config, effect_key))
        except (ParamsInvalid, RequestNotBuildable) as error:
            raise ActionError(ErrorClass.CONTRACT_VIOLATION, error.code, error.detail) from error

    async def look_up(self, action: str, params: Any, io: Transports) -> LookupResult:
        """Ask the vendor whether the effect of an earlier ``execute(action, params)`` happened.

        Raises ActionError when the question itself fails (the outcome then stays unknown) or when the manifest has no
        look-up. Not found is conclusive only after the look-up's ``settle_s``.
        """
        compiled = self._lookups.get(action)
        if compiled is None:
            raise ActionError(ErrorClass.CONFIGURATION, "no_lookup", f"The action {action} has no look-up.")
        checked = self.action(action).checked_params(params)
        try:
            asked = compiled.params.evaluate({"params": checked, "config": io.config})
            result = await self.execute(compiled.spec.action, asked, io)
            return compiled.judge(result.data, checked)
        except ExpressionError as error:
            raise ActionError(
                ErrorClass.CONTRACT_VIOLATION, "lookup_unreadable", f"The look-up cannot be judged: {error.detail}"
            ) from error
        except ActionError as error:
            if error.error_class is ErrorClass.NOT_FOUND:
                return LookupResult(found=False)
            raise

    async def poll(
        self, trigger: str, cursor: Any, io: Transports, params: Mapping[str, Any] | None = None
    ) -> PollPage:
        """One page of a poll trigger from ``cursor`` (None: from the start), with what the flow says about it.

        Raises ActionError.
        """
        compiled = self._polls.get(trigger)
        if compiled is None:
            raise ActionError(ErrorClass.CONFIGURATION, "no_poll", f"{self.slug} has no poll trigger {trigger}.")
        start = compiled.spec.initial_cursor if cursor is None else cursor
        try:
            asked = compiled.asked(params or {}, start, io.config)
            result = await self.execute(compiled.spec.action, asked, io)
            return replace(compiled.page(result.data, start, moves=result.moves), settle=result.settle)
        except ExpressionError as error:
            raise ActionError(
                ErrorClass.CONTRACT_VIOLATION, "poll_unreadable", f"The page cannot be read: {error.detail}"
            ) from error


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request with its result; ``size`` counts the bytes of the answer."""

    result: Result
    request: BuiltRequest | None = None
    size: int = 0


def request_view(request: BuiltRequest) -> RequestView:
    """The request as shown; it never had a credential."""
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    cookies = cookie_pairs(request.headers.get("cookie", ""))
    return RequestView(request.method, request.path, request.query, headers, _shown(request.body), cookies)


def net_failure(error: IpaasError) -> ActionError:
    """An ActionError from core.net's errors; any other error is internal and nothing was sent."""
    if isinstance(error, ActionError):
        return error
    if isinstance(error, NetError):
        return ActionError(error.error_class, error.code, error.detail, sent=error.sent)
    return ActionError(ErrorClass.INTERNAL, error.code, error.detail)


class _CompiledLookup:
    def __init__(self, spec: Lookup) -> None:
        self.spec = spec
        self.params = compile_value(dict(spec.params))
        self._found = compile_expression(bare(spec.found))
        self._result = compile_value(spec.result)

    def judge(self, data: Any, params: Mapping[str, Any]) -> LookupResult:
        scope = {"data": data, "params": params}
        if not self._found.evaluate(scope):
            return LookupResult(found=False)
        return LookupResult(found=True, data=self._result.evaluate(scope))


def _shown(body: bytes) -> Any:
    if not body:
        return None
    try:
        return loads(body)
    except JsonInvalid:
        return body.decode("utf-8", "replace")
