"""The generated suite for the connector webhook."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "webhook"


class TestWebhook(ConnectorSuite):
    folder = FOLDER
