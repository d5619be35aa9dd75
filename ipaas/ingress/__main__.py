"""``python -m ipaas.ingress``: serve the ingress on ``IPAAS_HOST`` and ``IPAAS_INGRESS_PORT``."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")

import django
import uvicorn


def main() -> None:
    django.setup()
    import ipaas.celery  # noqa: F401 - the app that rings the workers
    from ipaas.config import settings
    from ipaas.ingress.app import Ingress
    from ipaas.runtime import lifecycle

    conf = settings()
    lifecycle.begin("ingress")
    gc.collect()
    gc.freeze()  # what is loaded stays: no collection walks over it again
    uvicorn.run(
        Ingress(conf.database_url, lifecycle.end),
        host=conf.host,
        port=conf.ingress_port,
        http="httptools",
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
