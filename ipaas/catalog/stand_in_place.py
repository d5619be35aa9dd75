"""Where the stand-in vendors of this instance listen; it knows no app, so that their process stays small."""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ipaas.config import ROOT, settings
from ipaas.core.net import EgressPolicy, Target, client_for_loop
from ipaas.sdk.stubs.client import StubClient

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class StandIns:
    """Ports, token and signing secret, chosen once and kept in the home folder."""

    port: int
    smtp_port: int
    token: str
    signing_secret: str

    @classmethod
    def load(cls) -> "StandIns":
        """Read the choice, or make it: free ports and random secrets, readable by the owner only."""
        place = _place()
        if not place.exists():
            chosen = cls(_free_port(), _free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_suffix(f".{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(asdict(chosen)))
            draft.replace(place)
        return cls(**json.loads(place.read_text()))

    @staticmethod
    def chosen() -> bool:
        """Whether this instance has stand-ins at all."""
        return _place().exists()

    @property
    def ledger(self) -> Path:
        return settings().home / "stubs-ledger.jsonl"

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def ingress(self) -> str:
        return f"{settings().host}:{settings().ingress_port}"

    def arguments(self) -> list[str]:
        """Arguments of ``python -m ipaas.sdk.stubs``."""
        ports = ["--port", str(self.port), "--smtp-port", str(self.smtp_port)]
        kept = ["--ledger", str(self.ledger), "--kept", str(settings().home / "stubs-kept")]
        folders = [ROOT / "connectors", *settings().connector_folders]
        places = [word for folder in folders for word in ("--connectors", str(folder))]
        return [*ports, *kept, f"--token={self.token}", "--send-to", self.ingress, *places]

    def client(self) -> StubClient:
        """Drives the stand-ins from a running event loop."""
        egress = EgressPolicy.parse([self.address])

        async def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
            pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
            answer = await client_for_loop().call(method, url, pairs, body, egress=egress, deadline_s=120.0)
            return answer.status, answer.body

        return StubClient(self.url, self.token, send)


def is_stand_in(target: Target) -> bool:
    """Whether an address is one of the stand-ins of this instance."""
    return target.host == HOST and StandIns.chosen() and target.port == StandIns.load().port


def _place() -> Path:
    return settings().home / "stubs.json"


def _free_port() -> int:
    """A port that nobody listens on now; the stand-ins keep it from then on."""

    async def probe() -> int:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, 0)
        port: int = server.sockets[0].getsockname()[1]
        server.close()
        return port

    return asyncio.run(probe())
