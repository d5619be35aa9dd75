"""The generated suite for the connector sftp."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "sftp"


class TestSftp(ConnectorSuite):
    folder = FOLDER
    config = {"host": "files.shop.example", "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"}
    stubbed = False
