"""The one way up: what runs on top of this app listens here."""

from django.dispatch import Signal

# Sent on commit with `job` (unlearning_jobs.models.Job) when a job has reached a final state.
job_finished = Signal()
