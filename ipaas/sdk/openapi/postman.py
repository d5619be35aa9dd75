"""A Postman collection (2.0, 2.1) as a document: folders are groups, variables are filled in, credentials are not."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ipaas.core import jsonio
from ipaas.core.sensitive_names import is_sensitive_key
from ipaas.sdk.openapi.findings import below, listed
from ipaas.sdk.openapi.recorded import NOWHERE, File, Recorded, Recording, body_of

_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
MAX_FOLDERS = 30


def collection_document(content: Mapping[str, Any]) -> bytes:
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
        for header in listed(request.get("header")):
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
        text = self._filled(text)
        return re.sub(r"^\{\{[^{}]+\}\}", f"https://{NOWHERE}", text)

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
        fields = [field for field in listed(told.get(str(mode))) if isinstance(field, Mapping) and field.get("key")]
        given = {str(field["key"]): self._filled(field.get("value")) for field in fields if not field.get("disabled")}
        if mode == "raw" and told.get("raw"):
            language = _mapping(_mapping(told.get("options")).get("raw")).get("language")
            kind = one.content_type or ("application/json" if language == "json" else "")
            one.form, one.body = body_of(self._filled(told["raw"]), kind)
        elif mode == "urlencoded" and given:
            one.form, one.body = "form", given
        elif mode == "formdata" and given:
            files = {str(field["key"]): File() for field in fields if field.get("type") == "file"}
            one.form, one.body = "multipart", {**given, **files}
        elif mode == "graphql":
            asked = _mapping(told.get("graphql"))
            variables = _json(asked.get("variables")) or {}
            one.form, one.body = "json", {"query": str(asked.get("query", "")), "variables": variables}
        elif mode == "file":
            self._made.findings.note(place, "file", "the body is a file: give it as text")
            one.form, one.body = "text", ""

    def _auth(self, one: Recorded, auth: Any, place: str) -> None:
        told = _mapping(auth)
        kind = str(told.get("type") or "")
        values = told.get(kind)
        pairs = {str(each.get("key")): each.get("value") for each in listed(values) if isinstance(each, Mapping)}
        pairs = dict(values) if isinstance(values, Mapping) else pairs
        if kind in ("basic", "bearer"):
            setattr(one, kind, True)
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
