"""The generated suite for the connector s3."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "s3"


class TestS3(ConnectorSuite):
    folder = FOLDER
    stubbed = False
