"""The generated suite for the connector mysql."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "mysql"


class TestMysql(ConnectorSuite):
    folder = FOLDER
    stubbed = False
