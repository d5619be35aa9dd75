"""The generated suite for the connector sendgrid."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "sendgrid"


class TestSendgrid(ConnectorSuite):
    folder = FOLDER
