"""How this app tells those above it what has happened."""

from django.dispatch import Signal

# Sent on commit with `job` (unlearning_jobs.models.Job) when a job has reached a final state.
job_finished = Signal()
