"""A vendor that gives away what it was sent: in every header, in the body, in addresses, codes and messages."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

AUTH: list[dict[str, Any]] = [
    {"name": "header", "type": "api_key", "parameter": "X-Api-Key"},
    {"name": "query", "type": "api_key", "in": "query", "parameter": "api_key"},
    {"name": "body", "type": "api_key", "in": "body", "parameter": "auth.key"},
    {"name": "within", "type": "session", "token": {"path": "token"},
     "send": {"body": {"args.0": "{{ secret.password }}", "args.1": "{{ secret.access_token }}"}},
     "login": {"path": "/login", "body": {"password": "{{ secret.password }}"}}},
    {"name": "basic", "type": "basic"},
    {"name": "bearer", "type": "bearer"},
    {"name": "hmac", "type": "hmac"},
    {"name": "client", "type": "oauth2_client_credentials", "token_url": "/token"},
    {"name": "refused", "type": "oauth2_client_credentials", "token_url": "/refused"},
    {"name": "code", "type": "oauth2_authorization_code", "authorize_url": "/authorize", "token_url": "/token"},
    {"name": "assertion", "type": "jwt_bearer", "algorithm": "ES256"},
    {"name": "aws", "type": "aws_sigv4", "service": "execute-api", "region": "eu-central-1"},
    {"name": "session", "type": "session", "token": {"header": "X-Session"}, "send": {"header": "X-Session"},
     "expires_s": 600,
     "login": {"method": "POST", "path": "/login", "body": {"user": "{{ secret.username }}",
                                                            "password": "{{ secret.password }}"}}},
]  # fmt: skip
MANIFEST: dict[str, Any] = {
    "slug": "mirror",
    "title": "Mirror",
    "summary": "Says what it hears.",
    "category": "generic",
    "vendor": "any",
    "version": "1.0.0",
    "auth": AUTH,
    "errors": [{"match": {"status": "4xx"}, "class": "auth", "code": "$.code", "message": "$.message"}],
    "actions": {
        "say": {
            "title": "Say",
            "doc": "Says something.",
            "effect": "safe",
            "method": "POST",
            "path": "/{{ params.status }}",
            "body": "{{ params.body }}",
            "params_schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"status": {"type": "integer"}, "body": {}},
            },
            "params_example": {"status": 200},
            "response": {"result": {"body": "{{ body }}", "headers": "{{ headers }}"}},
        }
    },
    "triggers": {
        "heard": {
            "kind": "poll",
            "title": "Heard",
            "doc": "What it says.",
            "action": "say",
            "params": {"status": "{{ cursor or 200 }}", "body": {"asked": True}},
            "items": "data.body.items",
            "key": "item.id",
            "next_cursor": "data.body.next",
        }
    },
    "stub": {"operations": {}},
}


class Mirror(BaseHTTPRequestHandler):
    """``tokens`` are those that it issues."""

    protocol_version = "HTTP/1.1"
    tokens: dict[str, str] = {}
    heard: list[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.heard.append(f"{self.path} {self.headers} {body}")
        path = self.path.partition("?")[0]
        if path == "/token":
            answer = {"access_token": self.tokens["access"], "refresh_token": self.tokens["refresh"], "expires_in": 99}
            self._say(200, {**answer, "token_type": "Bearer", "scope": f"read {self._client(body)}"}, {})
        elif path == "/refused":
            self._say(400, {"error": self._client(body), "error_description": body}, {})
        elif path == "/login":
            self._say(200, {"token": self.tokens["session"]}, {"X-Session": self.tokens["session"]})
        else:
            self._echo(int(path.strip("/")), body)

    def _client(self, body: str) -> str:
        """The secret that a client came with."""
        pair = base64.b64decode(self.headers.get("authorization", "Basic ").partition(" ")[2] or b"").decode()
        return pair.partition(":")[2] or parse_qs(body).get("client_secret", [""])[0]

    def _echo(self, status: int, body: str) -> None:
        told = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
        credential = next((told[one] for one in ("authorization", "x-api-key", "x-session") if one in told), self.path)
        proof = credential.rpartition(" ")[2]
        url = f"http://{self.headers['host']}{self.path}"
        headers = {"X-Echo": " ".join(told.values()), "Location": url, "Link": f'<{url}&key={proof}>; rel="next"'}
        if status == 200:  # an end is announced
            headers |= {"Deprecation": "@1735689600", "Link": f'<{url}?key={proof}>; rel="deprecation"'}
        shown = {
            "code": proof,
            "message": f"{proof} of {url}: {body}".ljust(480, ".") + proof,
            "heard": told,
            "url": url,
        }
        if status == 201:  # says it in the headers alone
            return self._say(200, {}, headers)
        return self._say(status, {**shown, "items": [{"id": "1", "of": told}], "next": {"after": url}}, headers)

    def _say(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def mirror(tokens: dict[str, str]) -> Iterator[int]:
    """Its port; what it heard is in ``Mirror.heard``."""
    Mirror.tokens = tokens
    Mirror.heard.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
