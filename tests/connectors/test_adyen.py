"""The generated suite for the connector adyen."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "adyen"


class TestAdyen(ConnectorSuite):
    folder = FOLDER
