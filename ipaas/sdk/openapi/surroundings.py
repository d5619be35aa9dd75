"""What a document says about the whole service: where it is, and how callers prove who they are."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from ipaas.sdk.openapi.findings import Findings, below, listed
from ipaas.sdk.openapi.naming import identifier
from ipaas.sdk.openapi.references import References

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_BASE_URL = re.compile(r"https?://[^/?#@\s{}<>]+(/[^?#\s{}]*)?")
_SANDBOX = re.compile(r"sandbox|staging|test|demo|playground", re.IGNORECASE)


def base_urls(content: Mapping[str, Any], source_url: str, findings: Findings) -> dict[str, str]:
    """Addresses by environment name; variables take their default values."""
    found: dict[str, str] = {}
    for number, server in enumerate(listed(content.get("servers"))):
        place = below("/servers", number)
        if not isinstance(server, Mapping) or not isinstance(server.get("url"), str):
            findings.dropped(place, "server", "a server without an address")
            continue
        url = _filled(server, place, findings)
        url = urljoin(source_url, url) if source_url and "://" not in url else url
        url = url.rstrip("/")
        if not _BASE_URL.fullmatch(url):
            findings.dropped(place, "server", f"{url[:120]} is not an absolute address; give one on the connection")
            continue
        kind = "sandbox" if _SANDBOX.search(f"{server['url']} {server.get('description', '')}") else "production"
        name = kind if kind not in found else identifier(str(server.get("description") or kind), found)[:40]
        if url not in found.values():
            found[name] = url
    if not found:
        findings.note("/servers", "no_server", "the document names no address; give one on the connection")
    return found


def _filled(server: Mapping[str, Any], place: str, findings: Findings) -> str:
    variables = server.get("variables") if isinstance(server.get("variables"), Mapping) else {}

    def default(match: re.Match[str]) -> str:
        one = variables.get(match[1]) if variables else None
        value = str(one.get("default", "")) if isinstance(one, Mapping) else ""
        text = (
            f"{match[1]} is part of the address: {value or 'it has no default'}; change the address on the connection"
        )
        findings.note(below(place, "variables", match[1]), "server_variable", text)
        return value or match[1]

    return _VARIABLE.sub(default, str(server["url"]))


def auth_schemes(content: Mapping[str, Any], references: References, findings: Findings) -> list[dict[str, Any]]:
    """Every security scheme that a connection can choose; ``none`` where the document asks for nothing."""
    components = content.get("components") if isinstance(content.get("components"), Mapping) else {}
    schemes = components.get("securitySchemes") if components else None
    made: list[dict[str, Any]] = []
    for name, given in schemes.items() if isinstance(schemes, Mapping) else ():
        place = below("/components/securitySchemes", name)
        slug = identifier(str(name), {one["name"] for one in made}).replace("_", "-")[:40].strip("-")
        scheme = _scheme(references.resolved(given, place), place, findings)
        if scheme is not None:
            made.append({"name": slug, "title": str(name)[:80], **scheme})
    _tell_combinations(content, findings)
    return made or [{"name": "none", "type": "none", "title": "No authentication"}]


def _scheme(scheme: Mapping[str, Any], place: str, findings: Findings) -> dict[str, Any] | None:
    kind = str(scheme.get("type", ""))
    if kind == "apiKey" and scheme.get("in") in ("header", "query"):
        if str(scheme.get("name", "")).lower() == "authorization":
            return {"type": "api_key", "in": "header", "parameter": "Authorization"}
        return {"type": "api_key", "in": scheme["in"], "parameter": str(scheme.get("name", ""))[:120]}
    if kind == "http" and str(scheme.get("scheme", "")).lower() in ("basic", "bearer"):
        return {"type": str(scheme["scheme"]).lower()}
    if kind == "oauth2":
        return _oauth(scheme, place, findings)
    if kind == "openIdConnect":
        findings.note(place, "openid", "OpenID Connect: give a token that was got elsewhere")
        return {"type": "bearer"}
    findings.dropped(
        place,
        "security",
        f"the scheme {kind[:20]} {str(scheme.get('scheme') or scheme.get('in') or '')[:20]} is not known",
    )
    return None


def _oauth(scheme: Mapping[str, Any], place: str, findings: Findings) -> dict[str, Any]:
    flows = scheme.get("flows") if isinstance(scheme.get("flows"), Mapping) else {}
    flow = flows.get("clientCredentials") if flows else None
    if isinstance(flow, Mapping) and isinstance(flow.get("tokenUrl"), str) and flow["tokenUrl"]:
        scopes = flow.get("scopes")
        return {
            "type": "oauth2_client_credentials",
            "token_url": flow["tokenUrl"],
            "scopes": sorted(map(str, scopes)) if isinstance(scopes, Mapping) else [],
        }
    names = ", ".join(sorted(map(str, flows or {}))) or "none"
    findings.note(place, "oauth2", f"OAuth 2 with {names}: give an access token that was got elsewhere")
    return {"type": "bearer"}


def _tell_combinations(content: Mapping[str, Any], findings: Findings) -> None:
    for number, choice in enumerate(listed(content.get("security"))):
        if isinstance(choice, Mapping) and len(choice) > 1:
            names = " and ".join(sorted(map(str, choice)))
            findings.dropped(
                below("/security", number), "security_combination", f"{names} together: only one can be chosen"
            )
