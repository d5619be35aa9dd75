"""The generated suite for the connector box."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "box"


class TestBox(ConnectorSuite):
    folder = FOLDER
