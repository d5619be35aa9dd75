"""Celery wiring: three lanes as queues, one hot task, no results, nothing but lane names in messages."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")
# Celery would run Django's system checks in every process, and they load all pages: 20 MB each. ``up`` runs them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery

from ipaas.config import settings

app = Celery("ipaas", broker=settings().redis_url)
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_default_queue="default",
    task_routes={"ipaas.pump": {"queue": "default"}},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "max_connections": 50,
        "visibility_timeout": 600,
        "socket_keepalive": True,
        "global_keyprefix": "ipaas:celery:",
    },
    broker_pool_limit=4,
    task_create_missing_queues=True,
    timezone="UTC",
    imports=["ipaas.runtime.tasks"],
)
