"""What every test needs: profiles, a key-encryption key of its own, stores that may be emptied."""

import base64
import os
import re
from collections.abc import Iterator

import pytest
from django.db.backends.signals import connection_created
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import emptying

os.environ["IPAAS_API_RATE"] = "0"
os.environ["IPAAS_KEK"] = base64.b64encode(b"only-for-tests, of 32 bytes len.").decode()

hypothesis_settings.register_profile("suite", max_examples=50, deadline=None, derandomize=True, database=None)
hypothesis_settings.register_profile(
    "full", max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


def _may_be_emptied(connection: object, **_: object) -> None:
    """Tests that commit end with TRUNCATE, which the audit trail refuses everywhere else."""
    with connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SET ipaas.audit_truncate = 'throwaway database'")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also run the long tests, marked 'full'")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis_settings.load_profile("full" if config.getoption("--full") else "suite")
    _use_static_files_of_the_build()
    _use_quick_passwords()
    emptying.install()
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        _use_redis_database(int(worker.removeprefix("gw")) + 1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    for item in items:
        if item.get_closest_marker("full") is not None:
            item.add_marker(pytest.mark.skip(reason="belongs to the full profile: manage.py test --full"))


def _use_redis_database(number: int) -> None:
    """Give a parallel process a numbered database of the same server, before anything has connected."""
    from django.conf import settings as django_settings

    from ipaas.config import settings as product_settings

    url = re.sub(r"/\d+$", f"/{number}", product_settings().redis_url)
    os.environ["REDIS_URL"] = url
    product_settings.cache_clear()
    django_settings.CACHES["default"]["LOCATION"] = url


def _use_static_files_of_the_build() -> None:
    """Whether or not an instance of this checkout collected them."""
    from django.conf import settings

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def _use_quick_passwords() -> None:
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["tests.quick_hasher.QuickHasher"]


connection_created.connect(_may_be_emptied, dispatch_uid="tests-may-be-emptied")


@pytest.fixture(autouse=True, scope="session")
def _settings_see_the_test_key() -> None:
    from ipaas.config import settings

    settings.cache_clear()


@pytest.fixture
def _no_secret_reads_pending() -> Iterator[None]:
    from ipaas.vault import opening, reads

    reads._counts.clear()
    opening.forget_all()
    yield
    reads._counts.clear()
    opening.forget_all()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their length: compressed ones hold the time, and processes must name a case alike."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None
