"""The generated suite for the connector sqlite."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "sqlite"


class TestSqlite(ConnectorSuite):
    folder = FOLDER
    stubbed = False
