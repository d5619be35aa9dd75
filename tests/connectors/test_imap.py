"""The generated suite for the connector imap."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "imap"


class TestImap(ConnectorSuite):
    folder = FOLDER
    stubbed = False
