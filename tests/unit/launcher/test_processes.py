import pytest

from ipaas.launcher.errors import LauncherError
from ipaas.launcher.processes import PROCESSES, Options, process_named, services


@pytest.mark.parametrize("text", ["-1", "65536", "http", "1.5", "٨٠٨٠"])
def test_bad_port_is_named(text: str) -> None:
    with pytest.raises(LauncherError, match="IPAAS_PORT must be a number from 0 to 65535"):
        Options.from_environment({"IPAAS_PORT": text})


def test_empty_settings_mean_the_defaults() -> None:
    options = Options.from_environment({"IPAAS_PORT": "", "IPAAS_HOST": ""})

    assert (options.host, options.port, options.ingress_port) == ("127.0.0.1", 8000, 8001)
    assert options.concurrency >= 1


def test_web_listens_where_the_settings_say() -> None:
    argv = PROCESSES["web"].argv(Options(host="0.0.0.0", port=8123))

    assert argv[argv.index("--host") + 1] == "0.0.0.0"
    assert argv[argv.index("--port") + 1] == "8123"


def test_worker_serves_all_lanes() -> None:
    argv = PROCESSES["worker"].argv(Options(concurrency=3))

    assert argv[argv.index("--queues") + 1] == "interactive,default,bulk"
    assert argv[argv.index("--concurrency") + 1] == "3"


def test_what_accepts_work_stops_before_what_does_it_and_what_that_needs() -> None:
    stages = {name: process.stage for name, process in PROCESSES.items()}

    assert max(stages["web"], stages["ingress"], stages["scheduler"]) < stages["worker"] < stages["stubs"]


def test_demo_vendors_belong_to_the_demo() -> None:
    assert {process.name for process in services(demo=True)} - {process.name for process in services(demo=False)} == {
        "stubs"
    }


def test_unknown_process_lists_the_known_ones() -> None:
    with pytest.raises(LauncherError, match="there are: migrate, stubs, web, ingress, worker, scheduler"):
        process_named("wbe")
