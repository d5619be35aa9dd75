"""The generated suite for the connector amqp."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "amqp"


class TestAmqp(ConnectorSuite):
    folder = FOLDER
    stubbed = False
