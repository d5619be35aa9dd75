"""A Postman collection (2.0, 2.1) as a document: folders are groups, variables are filled in, credentials are not."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ipaas.core import jsonio
from ipaas.core.sensitive_names import is_sensitive_key
from ipaas.sdk.openapi.findings import below, listed
from ipaas.sdk.openapi.reading import OpenApiUnreadable
from ipaas.sdk.openapi.recorded import File, Recorded, Recording, body_of, signed_by_aws, with_value

_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
MAX_FOLDERS = 30
_LANGUAGES = {
    "json": "application/json",
    "xml": "application/xml",
    "html": "text/html",
    "javascript": "application/javascript",
    "text": "text/plain",
}


def collection_document(content: Mapping[str, Any]) -> bytes:
    """Raises OpenApiUnreadable for what Postman writes besides collections of version 2."""
    content = _mapping(content.get("collection")) or content  # as its API answers
    if "_postman_variable_scope" in content:
        raise OpenApiUnreadable(
            reason="it is an environment of Postman, which holds no requests; export the collection"
        )
    if "requests" in content and "item" not in content:
        raise OpenApiUnreadable(reason="it is a Postman collection of version 1; export it as version 2.1")
    info = _mapping(content.get("info"))
    reader = _Collection(content, Recording("postman", str(info.get("name") or "Postman collection")[:80]))
    return reader.document()


class _Collection:
    def __init__(self, content: Mapping[str, Any], made: Recording) -> None:
        self._content, self._made = content, made
        self._variables = {
            str(one["key"]): str(one.get("value", ""))
            for one in listed(content.get("variable"))
            if isinstance(one, Mapping) and "key" in one and not is_sensitive_key(str(one["key"]))
        }

    def document(self) -> bytes:
        auth = self._content.get("auth")
        for request, group, inherited, place in self._requests(self._content, "", auth, ""):
            self._made.add(self._recorded(request, group, inherited, place), place)
        return self._made.document()

    def _requests(
        self, holder: Mapping[str, Any], group: str, auth: Any, place: str, depth: int = 0
    ) -> Iterator[tuple[Mapping[str, Any], str, Any, str]]:
        for number, item in enumerate(listed(holder.get("item"))):
            where = below(place, "item", number)
            if not isinstance(item, Mapping):
                self._made.findings.dropped(where, "not_an_object", "an object was expected here")
            elif "item" in item and depth < MAX_FOLDERS:
                named = " / ".join(filter(None, [group, str(item.get("name", ""))]))[:80]
                yield from self._requests(item, named, item.get("auth", auth), where, depth + 1)
            elif isinstance(item.get("request"), Mapping | str):
                for key in ("event", "protocolProfileBehavior"):
                    if item.get(key):
                        self._made.findings.dropped(
                            below(where, key), "script", f"{key} of a request is not taken over"
                        )
                yield item, group, auth, where
            else:
                self._made.findings.dropped(where, "request", "an item without a request")

    def _recorded(self, item: Mapping[str, Any], group: str, inherited: Any, place: str) -> Recorded:
        request = item["request"] if isinstance(item["request"], Mapping) else {"url": item["request"]}
        one = Recorded(str(request.get("method") or "GET"), self._url(request.get("url")), group=group)
        one.name = str(item.get("name") or "")[:120]
        described = request.get("description")
        one.doc = str(described.get("content", "") if isinstance(described, Mapping) else described or "")
        for header in _headers(request.get("header")):
            if isinstance(header, Mapping) and not header.get("disabled"):
                one.headers.append((str(header.get("key", "")), self._filled(header.get("value"))))
        one.headers = [(name, value) for name, value in one.headers if name]
        one.content_type = next((value for name, value in one.headers if name.lower() == "content-type"), "")
        self._body(one, request.get("body"), below(place, "request", "body"))
        self._auth(one, request.get("auth", inherited), place)
        for answer in listed(item.get("response")):
            if isinstance(answer, Mapping) and isinstance(answer.get("code"), int):
                one.answers.append((answer["code"], _json(answer.get("body"))))
        return one

    def _url(self, url: Any) -> str:
        if isinstance(url, Mapping):
            raw = str(url.get("raw") or "")
            text = raw or "/".join(
                [
                    ".".join(map(str, listed(url.get("host")))) or str(url.get("host", "")),
                    *map(str, listed(url.get("path"))),
                ]
            )
            for one in listed(url.get("variable")):
                if isinstance(one, Mapping) and one.get("key") and isinstance(one.get("value"), str) and one["value"]:
                    key = re.escape(str(one["key"]))
                    value = re.sub(r"[/?#=]", "", one["value"])
                    text = re.sub(rf"/:{key}(?=[/?#]|$)", lambda _: f"/:{one['key']}={value}", text)  # noqa: B023
        else:
            text = str(url or "")
        return self._filled(text)

    def _filled(self, value: Any) -> str:
        """A text with the collection's variables in place; those that are not known stay."""
        text = str(value or "")
        for _ in range(5):
            filled = _VARIABLE.sub(lambda match: self._variables.get(match[1], match[0]), text)
            if filled == text or len(filled) > 100_000:
                break
            text = filled
        return text

    def _body(self, one: Recorded, body: Any, place: str) -> None:
        told = _mapping(body)
        mode = told.get("mode")
        if mode == "raw" and told.get("raw"):
            language = _mapping(_mapping(told.get("options")).get("raw")).get("language")
            one.content_type = one.content_type or _LANGUAGES.get(str(language), "")
            one.form, one.body = body_of(self._filled(told["raw"]), one.content_type)
        elif mode in ("urlencoded", "formdata"):
            given = self._fields(listed(told.get(mode)))
            one.form, one.body = ("form" if mode == "urlencoded" else "multipart") if given else "", given or None
        elif mode == "graphql":
            asked = _mapping(told.get("graphql"))
            variables = _json(asked.get("variables")) or {}
            one.form, one.body = "json", {"query": str(asked.get("query", "")), "variables": variables}
        elif mode == "file":
            self._made.findings.note(place, "file", "what stands in the file is not known: it is a parameter")
            one.form = "unknown"

    def _fields(self, told: list[Any]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for field in told:
            if not isinstance(field, Mapping) or not field.get("key") or field.get("disabled"):
                continue
            sources = listed(field.get("src")) or [field.get("src") or ""]
            names = [re.split(r"[/\\]", str(one))[-1] for one in sources]
            kind = str(field.get("contentType") or "")
            values = (
                [File(name, kind) for name in names]
                if field.get("type") == "file"
                else [self._filled(field.get("value"))]
            )
            for value in values:
                with_value(given, str(field["key"]), value)
        return given

    def _auth(self, one: Recorded, auth: Any, place: str) -> None:
        told = _mapping(auth)
        kind = str(told.get("type") or "")
        values = told.get(kind)
        pairs = {str(each.get("key")): each.get("value") for each in listed(values) if isinstance(each, Mapping)}
        pairs = dict(values) if isinstance(values, Mapping) else pairs
        if kind in ("basic", "bearer", "digest"):
            setattr(one, kind, True)
        elif kind == "awsv4":
            one.auth.append(
                ("aws_sigv4", signed_by_aws(str(pairs.get("service") or ""), str(pairs.get("region") or "")))
            )
        elif kind == "apikey":
            where = "query" if pairs.get("in") == "query" else "header"
            name = str(pairs.get("key") or "X-Api-Key")[:80]
            one.auth.append((name, {"type": "apiKey", "in": where, "name": name}))
        elif kind == "oauth2":
            one.auth.append(("oauth2", _oauth({name: self._filled(value) for name, value in pairs.items()})))
        elif kind and kind != "noauth":
            self._made.findings.dropped(
                below(place, "auth"), "security", f"the authentication {kind[:20]} is not known"
            )


def _headers(told: Any) -> list[Any]:
    """Version 2.0 also has them as lines of text."""
    if not isinstance(told, str):
        return listed(told)
    lines = [line.partition(":") for line in told.splitlines() if ":" in line]
    return [{"key": name.strip(), "value": value.strip()} for name, _, value in lines]


def _oauth(pairs: Mapping[str, str]) -> dict[str, Any]:
    scopes = dict.fromkeys(pairs.get("scope", "").split(), "")
    urls = {"tokenUrl": pairs.get("accessTokenUrl", ""), "scopes": scopes}
    if pairs.get("grant_type", "authorization_code").startswith("authorization_code"):
        return {
            "type": "oauth2",
            "flows": {"authorizationCode": {"authorizationUrl": pairs.get("authUrl", ""), **urls}},
        }
    return {"type": "oauth2", "flows": {"clientCredentials": urls}}


def _json(text: Any) -> Any:
    try:
        return (
            jsonio.loads(text) if isinstance(text, str) and text.strip() else text if isinstance(text, dict) else None
        )
    except jsonio.JsonInvalid:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
