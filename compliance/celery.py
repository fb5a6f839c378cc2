"""The Celery application: `celery -A compliance.celery worker`.

A message only says that there is work (docs/adr/0003-a-message-is-a-doorbell.md): it carries an id, and the state is in
PostgreSQL. Messages may be lost or delivered twice; the lease on the job's row and the reconciler make up for both.
"""

from __future__ import annotations

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")

RECONCILE_SECONDS = float(os.environ.get("RECONCILE_SECONDS", "15"))
LEDGER_COPY_SECONDS = float(os.environ.get("LEDGER_COPY_SECONDS", "60"))
SNAPSHOT_CHECK_SECONDS = float(os.environ.get("SNAPSHOT_CHECK_SECONDS", "3600"))
CHECKPOINT_SECONDS = float(os.environ.get("CHECKPOINT_SECONDS", "60"))

app = Celery("lethe")
app.conf.update(
    broker_url=os.environ.get("REDIS_URL", "redis://localhost:6379/0"),
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # Longer than the longest job: when it runs out, Redis delivers a running task again.
        "visibility_timeout": 12 * 3600,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # A web process must not hang when the broker is away; the reconciler sends the message again.
        "socket_connect_timeout": 2,
        "max_retries": 1,
        "socket_timeout": 30,
    },
    task_queues=[Queue("default"), Queue("mail"), Queue("matching"), Queue("jobs"), Queue("signing")],
    task_default_queue="default",
    # A worker that dies gives its message back, and takes no second one while it is busy.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],  # never pickle: whoever can write to the broker could run code here
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_schedule={
        "jobs-reconcile": {"task": "unlearning_jobs.jobs_reconcile", "schedule": RECONCILE_SECONDS},
        "requests-reconcile": {"task": "requests_app.requests_reconcile", "schedule": RECONCILE_SECONDS},
        "ledger-copy": {"task": "unlearning_jobs.ledger_copy", "schedule": LEDGER_COPY_SECONDS},
        "snapshots-check": {"task": "unlearning_jobs.snapshots_check", "schedule": SNAPSHOT_CHECK_SECONDS},
        "record-checkpoint": {
            "task": "compliance.record_checkpoint",
            "schedule": CHECKPOINT_SECONDS,
            "options": {"queue": "signing"},
        },
    },
)
app.autodiscover_tasks()
