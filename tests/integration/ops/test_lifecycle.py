"""Every process begins and ends alike, and what it opened is masked in its log."""

import os
import subprocess
import sys

import pytest

from ipaas.accounts.models import Workspace
from ipaas.config import settings
from ipaas.core import logging as product_log
from ipaas.core import meter_sharing
from ipaas.core.actor import SYSTEM
from ipaas.runtime import lifecycle
from ipaas.vault import reads
from ipaas.vault.opening import forget_all, open_secret
from ipaas.vault.services import create_secret


@pytest.mark.django_db
def test_what_the_vault_opened_is_masked_in_the_log_but_not_the_name_of_the_account() -> None:
    place = Workspace.objects.create(slug="masked", name="Masked")
    fields = {"username": "shop-account", "password": "hunter2-of-the-shop"}
    create_secret(workspace=place, slug="shop", fields=fields, actor=SYSTEM)
    forget_all()
    open_secret(place.id, "shop", purpose="test")
    shown = product_log.guard.text("shop-account / hunter2-of-the-shop / aHVudGVyMi1vZi10aGUtc2hvcA")
    assert shown.startswith("shop-account / ‹redacted")
    assert "hunter2" not in shown
    assert "aHVudGVy" not in shown


def test_only_the_values_opened_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_log, "MOST_OPENED", 2)
    guard = product_log._Guard()
    guard.protect("own-value-1")
    guard.protect_opened("opened-1", "opened-2", "opened-3")
    assert "opened-1" in guard.text("own-value-1 opened-1 opened-3")
    assert "own-value-1" not in guard.text("own-value-1")
    assert "opened-3" not in guard.text("opened-3")


@pytest.mark.django_db
def test_a_process_shares_meters_and_audits_reads_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(lifecycle, "begin_logging", lambda: told.append("log"))
    monkeypatch.setattr(reads, "flush_reads", lambda **kind: told.append(f"flushed {kind}"))
    monkeypatch.setattr(meter_sharing, "publish", told.append)
    lifecycle.begin("worker")
    assert reads._flusher is not None
    assert meter_sharing._Sharing.running is not None
    lifecycle.end()
    assert reads._flusher is None
    assert meter_sharing._Sharing.running is None
    assert {"log", "worker", "flushed {'everything': True}"} <= set(told)
    count = len(told)
    lifecycle.end()
    assert len(told) == count


ENDS = """
import os, signal, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "ipaas.settings"
import django; django.setup()
from multiprocessing import get_context
from ipaas.runtime import lifecycle
def serve():
    lifecycle.stop_flushing = lambda: print("flushed", os.getpid() != parent)
    lifecycle.stop_sharing = lambda: print("shared")
    lifecycle.end_at_exit()
parent = os.getpid()
child = get_context("fork").Process(target=serve)
child.start()
child.join()
serve()
"""


def test_the_end_comes_in_processes_of_every_kind() -> None:
    """Of itself and as a child of a server that forks: in such a child ``atexit`` is not heard."""
    environment = {**os.environ, "REDIS_URL": settings().redis_url, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", ENDS], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "flushed False", "flushed True", "shared", "shared"]
