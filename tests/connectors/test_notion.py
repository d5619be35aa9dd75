"""The generated suite for the connector notion."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "notion"


class TestNotion(ConnectorSuite):
    folder = FOLDER
