"""The generated suite for the connector payments."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "payments"


class TestPayments(ConnectorSuite):
    folder = FOLDER


class TestPaymentsWithLookup(ConnectorSuite):
    folder = FOLDER
    config = {"mode": "lookup"}
