"""The generated suite for the connector gitlab."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "gitlab"


class TestGitlab(ConnectorSuite):
    folder = FOLDER
