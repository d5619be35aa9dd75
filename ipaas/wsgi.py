"""WSGI entry point of the pages, the API and, behind one port, the hooks."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")
application = get_wsgi_application()


def _begin() -> None:
    import ipaas.celery  # noqa: F401 - the app that rings the workers
    from ipaas.core.thread_connections import close_with_threads
    from ipaas.runtime import lifecycle

    close_with_threads()
    lifecycle.begin("web")
    lifecycle.end_at_exit()


_begin()
