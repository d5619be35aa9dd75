"""The generated suite for the connector sftp."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "sftp"


class TestSftp(ConnectorSuite):
    folder = FOLDER
    stubbed = False
