"""The generated suite for the connector asana."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "asana"


class TestAsana(ConnectorSuite):
    folder = FOLDER
