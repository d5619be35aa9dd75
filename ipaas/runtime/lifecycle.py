"""What every process of the product does when it begins to serve and when it ends, in one place."""

from multiprocessing import util
from urllib.parse import urlsplit

from django.conf import settings as django_settings

from ipaas.config import settings
from ipaas.core import jobs
from ipaas.core.logging import configure_logging, protect
from ipaas.core.meter_sharing import start_sharing, stop_sharing
from ipaas.runtime.bell import ring
from ipaas.vault.reads import start_flushing, stop_flushing


def begin_logging() -> None:
    """Structured records on standard error, with the process's own secrets masked."""
    conf = settings()
    configure_logging(form=conf.log_format, level=conf.log_level)
    database = str(django_settings.DATABASES["default"]["PASSWORD"])
    own = [django_settings.SECRET_KEY, urlsplit(conf.redis_url).password or "", database]
    own += [secret.get_secret_value() for secret in (conf.secret_key, conf.metrics_token) if secret is not None]
    if conf.kek is not None:
        own += [part.rpartition(":")[2] for part in conf.kek.get_secret_value().split(",")]
    protect(*(value for value in own if value))


def begin(process: str) -> None:
    """Log, share meters, ring workers and audit reads of secrets from now on; in a forked child again."""
    begin_logging()
    start_sharing(process)
    jobs.set_ringer(ring)
    start_flushing()


def end() -> None:
    """Write what was counted; nothing is lost by calling it twice."""
    stop_flushing()
    stop_sharing()


def end_at_exit() -> None:
    """Call ``end`` when the process ends, whether it was started by itself or by ``multiprocessing``."""
    util.Finalize(None, end, exitpriority=10)
