"""What every test run shares: profiles, browsers, and stores of its own for each parallel process."""

import importlib.util
import os
import re
import shutil

import pytest
from hypothesis import HealthCheck, settings

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

settings.register_profile("suite", max_examples=50, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "full", max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also run the long tests, marked 'full'")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("full" if config.getoption("--full") else "suite")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        _use_redis_database(int(worker.removeprefix("gw")) + 1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skips = []
    if not config.getoption("--full"):
        skips.append(("full", "belongs to the full profile: manage.py test --full"))
    if (reason := missing_browser()) is not None:
        skips.append(("e2e", reason))
    for item in items:
        for marker, reason in skips:
            if item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


def missing_browser() -> str | None:
    """Why browser tests cannot run here; None when they can."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed (requirements/e2e.txt)"
    if not any(map(shutil.which, CHROMIUM_NAMES)):
        return "no Chromium found (Debian: apt install chromium)"
    return None


def _use_redis_database(number: int) -> None:
    """Give a parallel process a numbered database of the same server, before anything has connected."""
    from django.conf import settings as django_settings

    from ipaas.config import settings as product_settings

    url = re.sub(r"/\d+$", f"/{number}", product_settings().redis_url)
    os.environ["REDIS_URL"] = url
    product_settings.cache_clear()
    django_settings.CACHES["default"]["LOCATION"] = url
