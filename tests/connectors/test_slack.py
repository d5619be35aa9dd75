"""The generated suite for the connector slack."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "slack"


class TestSlack(ConnectorSuite):
    folder = FOLDER
