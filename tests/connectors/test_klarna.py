"""The generated suite for the connector klarna, and ids that stand in headers."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "klarna"


class TestKlarna(ConnectorSuite):
    folder = FOLDER

    async def test_the_id_of_a_capture_is_read_from_its_header(self) -> None:
        async with self.bench() as bench:
            captured = await bench.run("capture_order")
            assert captured.data == {"capture_id": "cap-00000001"}
            assert (await bench.run("capture_order")).data == captured.data
            assert (await bench.run("get_capture")).data["reference"] == "FH-1-100001/1"
