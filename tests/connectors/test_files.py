"""The generated suite for the connector files."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "files"


class TestFiles(ConnectorSuite):
    folder = FOLDER
    config = {}
    stubbed = False
