"""The generated suite for the connector hubspot."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "hubspot"


class TestHubspot(ConnectorSuite):
    folder = FOLDER
