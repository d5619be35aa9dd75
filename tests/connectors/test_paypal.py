"""The generated suite for the connector paypal."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "paypal"


class TestPaypal(ConnectorSuite):
    folder = FOLDER
