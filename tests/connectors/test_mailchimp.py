"""The generated suite for the connector mailchimp."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "mailchimp"


class TestMailchimp(ConnectorSuite):
    folder = FOLDER
