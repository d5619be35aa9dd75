"""The generated suite for the connector smtp."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "smtp"


class TestSmtp(ConnectorSuite):
    folder = FOLDER
