"""``python -m ipaas.ingress``: serve the ingress on ``IPAAS_HOST`` and ``IPAAS_INGRESS_PORT``."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")

import django


def main() -> None:
    django.setup()
    import ipaas.celery  # noqa: F401 - the app that rings the workers
    from ipaas.config import settings
    from ipaas.ingress.app import Ingress
    from ipaas.ingress.server import server
    from ipaas.runtime import lifecycle

    conf = settings()
    lifecycle.begin("ingress")
    gc.collect()
    gc.freeze()  # what is loaded stays: no collection walks over it again
    server(Ingress(conf.database_url, lifecycle.end), conf.host, conf.ingress_port).run()


if __name__ == "__main__":
    main()
