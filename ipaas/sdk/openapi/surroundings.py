"""What a document says about the whole service: where it is, and how callers prove who they are."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin

from ipaas.sdk.openapi.combining import combinations
from ipaas.sdk.openapi.findings import Findings, below, listed
from ipaas.sdk.openapi.naming import identifier
from ipaas.sdk.openapi.references import References

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_BASE_URL = re.compile(r"https?://[^/?#@\s{}<>]+(/[^?#\s{}]*)?")
_URLS = frozenset({"token_url", "authorize_url"})
_KEY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_AWS_NAME = re.compile(r"[a-z0-9-]{2,40}")
MOST_CHOICES = 8
MOST_SCOPES = 50
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
_SANDBOX = re.compile(r"sandbox|staging|test|demo|playground", re.IGNORECASE)


def base_urls(content: Mapping[str, Any], source_url: str, findings: Findings) -> dict[str, str]:
    """Addresses by environment name; variables take their default values, and each value of a short list."""
    found: dict[str, str] = {}
    for number, server in enumerate(listed(content.get("servers"))):
        place = below("/servers", number)
        if not isinstance(server, Mapping) or not isinstance(server.get("url"), str):
            findings.dropped(place, "server", "a server without an address")
            continue
        kind = "sandbox" if _SANDBOX.search(f"{server['url']} {server.get('description', '')}") else "production"
        for choice, given in _filled(server, place, findings):
            url = (urljoin(source_url, given) if source_url and "://" not in given else given).rstrip("/")
            if not _BASE_URL.fullmatch(url):
                text = f"{url[:120]} is not an absolute address; give one on the connection"
                findings.dropped(place, "server", text)
                continue
            wanted = choice or (str(server.get("description") or kind) if kind in found else kind)
            if url not in found.values():
                found[identifier(wanted, found)[:40]] = url
    if not found:
        findings.note("/servers", "no_server", "the document names no address; give one on the connection")
    return found


def path_below(
    holders: Iterable[Mapping[str, Any]], base_url: str, source_url: str, place: str, findings: Findings
) -> str:
    """Where the servers of an operation, else of its path, lie below the base URL: "" at it, "/v2" below it.

    One that lies elsewhere is told: a connection has one address.
    """
    servers = next((listed(one.get("servers")) for one in holders if listed(one.get("servers"))), [])
    found = list(base_urls({"servers": servers}, source_url or f"{base_url}/", Findings()).values()) if servers else []
    if not found or base_url in found:
        return ""
    below_it = next((one for one in found if base_url and one.startswith(f"{base_url}/")), "")
    if not below_it:
        text = f"it is at {found[0][:120]}, which is not below {base_url or 'any address of the document'}: "
        findings.dropped(below(place, "servers"), "server", text + "call it over a connection with that address")
    return below_it.removeprefix(base_url)


def _filled(server: Mapping[str, Any], place: str, findings: Findings) -> list[tuple[str, str]]:
    """(name, address): with the defaults of its variables, then with each other value of the first that lists some."""
    given = server.get("variables")
    variables = given if isinstance(given, Mapping) else {}
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name in _VARIABLE.findall(str(server["url"])):
        one = variables.get(name) if isinstance(variables.get(name), Mapping) else {}
        choices = [str(value) for value in listed(one.get("enum"))]  # type: ignore[union-attr]  # a mapping
        values[name] = str(one.get("default") or next(iter(choices), ""))  # type: ignore[union-attr]  # likewise
        if 1 < len(choices) <= MOST_CHOICES:
            lists[name] = choices
        said = values[name] or "it has no default"
        text = f"{name} is part of the address: {said}; change the address on the connection"
        findings.note(below(place, "variables", name), "server_variable", text)

    def address(chosen: Mapping[str, str]) -> str:
        return _VARIABLE.sub(lambda match: chosen.get(match[1]) or match[1], str(server["url"]))

    made = [("", address(values))]
    for name, choices in list(lists.items())[:1]:
        made += [(value, address({**values, name: value})) for value in choices if value != values[name]]
    return made


def auth_schemes(
    content: Mapping[str, Any], references: References, findings: Findings, source_url: str, base_url: str
) -> list[dict[str, Any]]:
    """Every way to authenticate that a connection can choose; ``none`` where the document asks for nothing.

    A scheme with several OAuth 2 flows is several ways, and a token that was got elsewhere is one of them too.
    """
    components = content.get("components") if isinstance(content.get("components"), Mapping) else {}
    schemes = components.get("securitySchemes") if components else None
    made: list[dict[str, Any]] = []
    by_name: dict[str, list[dict[str, Any]]] = {}
    for name, given in schemes.items() if isinstance(schemes, Mapping) else ():
        place = below("/components/securitySchemes", name)
        for ending, scheme in _ways(references.resolved(given, place), content, place, findings):
            wanted = f"{name} {ending}".strip()
            slug = identifier(wanted, {one["name"].replace("-", "_") for one in made}).replace("_", "-")[:40].strip("-")
            urls = {key: _address(scheme[key], source_url, base_url) for key in _URLS & scheme.keys()}
            if not all(urls.values()):
                findings.dropped(place, "address", "an address of OAuth 2 is none that can be called")
                continue
            made.append({"name": slug, "title": wanted[:80], **scheme, **urls})
            by_name.setdefault(str(name), []).append(made[-1])
    together = combinations(content, by_name, {one["name"] for one in made}, findings)
    first = listed(content.get("security"))[:1]
    made = [*together, *made] if first and isinstance(first[0], Mapping) and len(first[0]) > 1 else [*made, *together]
    return made or [{"name": "none", "type": "none", "title": "No authentication"}]


def _ways(
    scheme: Mapping[str, Any], content: Mapping[str, Any], place: str, findings: Findings
) -> list[tuple[str, dict[str, Any]]]:
    """The ways of a scheme: (what is added to its name, the way)."""
    kind, word = str(scheme.get("type", "")), str(scheme.get("scheme") or "").lower()
    if kind == "apiKey" and scheme.get("in") in ("header", "query", "cookie"):
        if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
            return [("", _aws(scheme, content, place, findings))]
        if str(scheme.get("name", "")).lower() == "authorization":
            return [("", {"type": "api_key", "in": "header", "parameter": "Authorization"})]
        name = str(scheme.get("name", ""))
        if not _KEY_NAME.fullmatch(name):
            findings.dropped(place, "security", f"{name[:60]!r} is not a name under which a key can be sent")
            return []
        return [("", {"type": "api_key", "in": scheme["in"], "parameter": name})]
    if kind == "http" and word in ("basic", "bearer", "digest"):
        return [("", {"type": word})]
    if kind == "mutualTLS":
        findings.note(place, "mutual_tls", "the client certificate is chosen on the connection")
        return [("", {"type": "none"})]
    if kind == "oauth2":
        return _oauth(scheme, place, findings)
    if kind == "openIdConnect":
        findings.note(place, "openid", "OpenID Connect: give a token that was got elsewhere")
        return [("", {"type": "bearer"})]
    told = f"{kind[:20]} {word or str(scheme.get('in') or '')}"[:41].strip()
    findings.dropped(place, "security", f"the scheme {told} is not known")
    return []


def _aws(scheme: Mapping[str, Any], content: Mapping[str, Any], place: str, findings: Findings) -> dict[str, Any]:
    """Signature version 4: the service by what the document calls it, else by the first word of its address."""
    info, servers = content.get("info"), listed(content.get("servers"))
    server = servers[0] if servers and isinstance(servers[0], Mapping) else {}
    host = str(server.get("url") or "").partition("://")[2].partition("/")[0].split(".")
    told = scheme.get("x-aws-service") or (info.get("x-serviceName") if isinstance(info, Mapping) else "")
    service = str(told or ("execute-api" if "execute-api" in host else host[0]))
    if not _AWS_NAME.fullmatch(service):
        findings.note(
            place, "aws_service", "the document does not say which AWS service it is; execute-api is signed for"
        )
        service = "execute-api"
    variables = server.get("variables")
    region = variables.get("region") if isinstance(variables, Mapping) else None
    usual = str(scheme.get("x-aws-region") or (region.get("default") if isinstance(region, Mapping) else None) or "")
    return {"type": "aws_sigv4", "service": service} | ({"region": usual} if _AWS_NAME.fullmatch(usual) else {})


def _oauth(scheme: Mapping[str, Any], place: str, findings: Findings) -> list[tuple[str, dict[str, Any]]]:
    flows = scheme.get("flows") if isinstance(scheme.get("flows"), Mapping) else {}
    ways: list[tuple[str, dict[str, Any]]] = []
    for name, flow in (flows or {}).items():
        where = below(place, "flows", name)
        if not isinstance(flow, Mapping):
            findings.dropped(where, "not_an_object", "an object was expected here")
            continue
        scopes = flow.get("scopes")
        token: dict[str, Any] = {"token_url": flow.get("tokenUrl")}
        token["scopes"] = usable_scopes(scopes if isinstance(scopes, Mapping) else (), where, findings)
        if name == "clientCredentials" and flow.get("tokenUrl"):
            ways.append(("client" if ways else "", {"type": "oauth2_client_credentials", **token}))
        elif name == "authorizationCode" and flow.get("tokenUrl") and flow.get("authorizationUrl"):
            page = {"authorize_url": flow["authorizationUrl"]}
            ways.append(("code" if ways else "", {"type": "oauth2_authorization_code", **page, **token}))
        else:
            findings.note(where, "oauth2", f"{str(name)[:40]}: give a token that was got elsewhere")
    return [*ways, ("token" if ways else "", {"type": "bearer"})]


def usable_scopes(names: Iterable[Any], place: str, findings: Findings) -> list[str]:
    """Scopes as RFC 6749 (3.3) has them, each once."""
    good = sorted({str(name) for name in names if _SCOPE.fullmatch(str(name))})
    if len(good) < len({str(name) for name in names}):
        findings.dropped(below(place, "scopes"), "scope", "names that no scope can have are left out")
    return good


def scopes_of(operation: Mapping[str, Any], content: Mapping[str, Any], place: str, findings: Findings) -> list[str]:
    """What an operation needs, where one way to authenticate says so."""
    told = operation.get("security") if "security" in operation else content.get("security")
    for choice in listed(told):
        for needed in choice.values() if isinstance(choice, Mapping) else ():
            if isinstance(needed, list) and needed:
                return usable_scopes(needed, place, findings)[:MOST_SCOPES]
    return []


def _address(given: Any, source_url: str, base_url: str) -> str:
    """An absolute address, or a path where it lies below the base URL: it then moves along to a sandbox or stub."""
    text = urljoin(source_url, given) if source_url and isinstance(given, str) else str(given or "")
    if not _BASE_URL.fullmatch(text.partition("?")[0]) or len(text) > 500:
        return ""
    path = text.removeprefix(base_url) if base_url else ""
    return path if path != text and path[:1] == "/" else text
