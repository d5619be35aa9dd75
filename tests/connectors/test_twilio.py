"""The generated suite for the connector twilio."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "twilio"


class TestTwilio(ConnectorSuite):
    folder = FOLDER
