"""Health for everybody in one word; detail and meters for whom the operator trusts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pydantic import SecretStr
from redis import Redis

from ipaas.config import ROOT, settings
from ipaas.core import meter_sharing, probes, providers, readiness
from ipaas.core.meters import LEASES_LAPSED
from ipaas.core.probes import answer_probe
from ipaas.observability import gauges
from ipaas.vault.errors import KeyFileMissing

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-more-than-16"
FAR = "203.0.113.9"


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    readiness.forget()
    gauges.forget()
    yield
    readiness.forget()
    gauges.forget()


@pytest.fixture
def with_token(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = settings().model_copy(update={"metrics_token": SecretStr(TOKEN)})
    monkeypatch.setattr(probes, "settings", lambda: conf)


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = settings().model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    monkeypatch.setattr(readiness, "settings", lambda: conf)
    monkeypatch.setattr(meter_sharing, "settings", lambda: conf)


def ask(path: str, *, peer: str = FAR, **headers: str) -> Any:
    return Client().get(path, REMOTE_ADDR=peer, headers={"Host": "any.name.example", **headers})


def test_alive_whatever_the_host_name() -> None:
    answer = ask("/healthz")
    assert (answer.status_code, answer.content) == (200, b'{"status":"ok"}')


def test_ready_tells_strangers_one_word_and_the_machine_itself_everything() -> None:
    assert json.loads(ask("/readyz").content) == {"status": "ready"}
    checks = dict.fromkeys(("database", "migrations", "redis", "keys"), "ok")
    assert json.loads(ask("/readyz", peer="127.0.0.1").content) == {"status": "ready", "checks": checks}


def test_a_missing_migration_is_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'runtime' AND name LIKE '0001%'")
    answer = ask("/readyz", peer="::1")
    assert answer.status_code == 503
    assert json.loads(answer.content)["checks"]["migrations"] == "down"


def test_without_redis_it_is_degraded_but_ready(without_redis: None) -> None:
    answer = ask("/readyz")
    assert (answer.status_code, json.loads(answer.content)) == (200, {"status": "degraded"})


def test_without_the_key_it_is_not_ready() -> None:
    def missing() -> None:
        raise KeyFileMissing(place="/secret/place")

    with providers.replaced("vault.keyring", missing):
        answer = ask("/readyz", peer="127.0.0.1")
    assert answer.status_code == 503
    assert json.loads(answer.content)["checks"]["keys"] == "down"
    assert b"place" not in answer.content


def test_an_answer_holds_for_a_moment() -> None:
    ask("/readyz")
    with providers.replaced("vault.keyring", lambda: pytest.fail("asked again")):
        assert ask("/readyz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_asked_with_get_or_head(path: str) -> None:
    assert Client().post(path, REMOTE_ADDR="127.0.0.1").status_code == 405
    answer = Client().head(path, REMOTE_ADDR="127.0.0.1")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.1"}, 403),
        ("127.0.0.1", {"X-Real-IP": "10.0.0.1"}, 403),
        ("10.0.0.1", {}, 403),
        ("", {}, 403),
        ("not-an-address", {}, 403),
    ],
)
def test_meters_are_for_the_machine_itself(peer: str, headers: dict[str, str], status: int) -> None:
    answer = ask("/metrics", peer=peer, **headers)
    assert answer.status_code == status
    assert (b"ipaas_" in answer.content) == (status == 200)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [(f"Bearer {TOKEN}", 200), (f"bearer  {TOKEN}", 200), (TOKEN, 401), (f"Basic {TOKEN}", 401),
     ("Bearer ", 401), (f"Bearer {TOKEN}x", 401), ("Bearer \xe9\udce9", 401), ("", 401)],
    ids=["right", "spaces", "no-scheme", "basic", "empty", "longer", "odd", "none"],
)  # fmt: skip
def test_with_a_token_it_counts_alone(with_token: None, authorization: str, status: int) -> None:
    headers = {"authorization": authorization} if authorization else {}
    found = answer_probe("/metrics", method="GET", peer="127.0.0.1", headers=headers, meters=lambda: b"told")
    assert found.status == status
    assert (found.body == b"told") == (status == 200)
    assert status == 200 or found.headers == {"WWW-Authenticate": "Bearer"}


def metrics() -> str:
    answer = ask("/metrics", peer="127.0.0.1")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return answer.content.decode()


def test_meters_of_the_installation_are_read() -> None:
    text = metrics()
    for name in (
        'ipaas_oldest_due_seconds{lane="interactive"} 0.0',
        "ipaas_dead_letters_open 0.0",
        "ipaas_audit_lag_seconds",
        "ipaas_database_up 1.0",
        "ipaas_meters_shared 1.0",
        "# TYPE ipaas_deliveries_total counter",
        "# TYPE ipaas_accept_seconds histogram",
    ):
        assert name in text


def test_meters_of_all_processes_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    Redis.from_url(settings().redis_url).delete("ipaas:meters")
    LEASES_LAPSED.inc()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(meter_sharing, "_source", lambda: "other-host:7")
        meter_sharing.publish("worker")
    lines = [line for line in metrics().splitlines() if line.startswith("ipaas_leases_lapsed_total{")]
    assert len(lines) == 2
    assert any('process="worker",source="other-host:7"' in line for line in lines)
    assert any('process="web"' in line for line in lines)


def test_a_process_that_ended_long_ago_is_forgotten() -> None:
    redis = Redis.from_url(settings().redis_url)
    redis.sadd("ipaas:meters", "worker:gone:1")
    assert "gone:1" not in metrics()
    assert not redis.sismember("ipaas:meters", "worker:gone:1")


def test_without_redis_a_process_shows_its_own(without_redis: None) -> None:
    text = metrics()
    assert "ipaas_meters_shared 0.0" in text
    assert 'process="web"' in text


def test_what_is_shared_goes_on_after_an_outage(monkeypatch: pytest.MonkeyPatch, without_redis: None) -> None:
    meter_sharing.start_sharing("worker", 0.01)
    meter_sharing.start_sharing("worker", 0.01)
    monkeypatch.undo()
    monkeypatch.setattr(meter_sharing, "_source", lambda: "again:1")
    meter_sharing.stop_sharing()
    meter_sharing.stop_sharing()
    assert "again:1" in metrics()


def test_every_meter_is_documented() -> None:
    page = (ROOT / "docs" / "how-to" / "observe.md").read_text()
    names = {line.split()[2] for line in metrics().splitlines() if line.startswith("# TYPE ipaas_")}
    assert names - {name for name in names if name in page} == set()
