"""The generated suite for the connector chat."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "chat"


class TestChat(ConnectorSuite):
    folder = FOLDER
