"""Where a connection that is not HTTP may go: its own address, and the brokers that its settings name."""

import hashlib
from collections.abc import Mapping
from typing import Any


def is_target(config: Mapping[str, Any], host: str, port: int) -> bool:
    """Whether a connection may go to a host. ``brokers`` holds host:port; ``*.`` stands for whatever names below."""
    asked = f"{host.lower()}:{port}"
    if asked == _own(config):
        return True
    return any(asked.endswith(named[1:]) if named.startswith("*.") else asked == named for named in _brokers(config))


def origin(protocol: str, config: Mapping[str, Any]) -> str:
    """What the credential of such a connection is bound to; other brokers make another origin."""
    brokers = _brokers(config)
    further = f"+{hashlib.sha256(' '.join(brokers).encode()).hexdigest()[:16]}" if brokers else ""
    return f"{protocol}://{_own(config)}{further}"


def _own(config: Mapping[str, Any]) -> str:
    return f"{str(config.get('host', '')).lower()}:{config.get('port', '')}"


def _brokers(config: Mapping[str, Any]) -> list[str]:
    return sorted({str(one).lower() for one in config.get("brokers") or ()})
