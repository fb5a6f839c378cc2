"""What a job is to do and what came of it, kept by the database alone: no service stands in between."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from tests.factories import model_version, unlearning_job
from tests.staging import job_completed
from unlearning_jobs.models import Job
from unlearning_jobs.services.jobs import job_cancel

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
REPLICA = "SET LOCAL session_replication_role = replica; "
roles = pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
ORDER_CHANGES = {
    "spec": """spec = jsonb_set(spec, '{forget_ids}', '["e00000009"]')""",
    "subject": "subject = 'request:LE-3333-3333'",
    "item": "item = 'item-9'",
    "attempt": "attempt = attempt + 1",
    "kind": "kind = 'train'",
    "name": "model_name = 'other'",
    "base": "base_id = NULL",
    "snapshot": "snapshot_id = snapshot_id + 1",
    "recipe": "recipe_id = recipe_id + 1",
    "id": "id = id + 1000",
}
RESULT_CHANGES = {
    "verdict": "verdict = 'passed'",
    "output": "output = 'jobs/0/run-1'",
    "version": "result_version_id = NULL",
    "state": "state = 'failed'",
}


def refused(*sql: str, rule: str) -> None:
    with pytest.raises(DatabaseError, match=rule), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("".join(sql))


@roles
@pytest.mark.parametrize("change", ORDER_CHANGES.values(), ids=ORDER_CHANGES)
def test_the_database_refuses_to_change_what_a_job_is_to_do(change: str, role: str) -> None:
    unlearning_job()
    refused(role, "UPDATE unlearning_jobs_job SET ", change, rule="job_order_is_fixed")


@roles
@pytest.mark.parametrize("change", RESULT_CHANGES.values(), ids=RESULT_CHANGES)
def test_the_database_refuses_to_change_the_result_of_a_completed_job(change: str, role: str) -> None:
    job_completed(unlearning_job(), "failed")
    refused(role, "UPDATE unlearning_jobs_job SET ", change, rule="job_result_is_fixed")


@roles
def test_the_database_refuses_to_delete_a_job(role: str) -> None:
    unlearning_job()
    refused(role, "DELETE FROM unlearning_jobs_job", rule="job_is_kept")
    refused(role, "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE unlearning_jobs_job CASCADE", rule="_table_is_kept")


def test_progress_and_costs_may_still_change() -> None:
    job = job_completed(unlearning_job())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE unlearning_jobs_job SET stage = 'evaluate', costs = '{}' WHERE id = %s", [job.pk])
    assert Job.objects.get(pk=job.pk).costs == {}


MADE_CHANGES = {
    "digest": ("modelversion SET digest = repeat('0', 64)", "model_version_is_fixed"),
    "seed": ("modelversion SET seed = seed + 1", "model_version_is_fixed"),
    "steps": ("modelversion SET steps = '[{}]'", "model_version_is_fixed"),
    "left out": ("""modelversion SET left_out = '["e00000000"]'""", "model_version_is_fixed"),
    "ledger": ("modelversion SET ledger_sha256 = repeat('0', 64)", "model_version_is_fixed"),
    "number": ("modelversion SET number = number + 1", "model_version_is_fixed"),
    "files": ("modelversion SET path = 'models/other'", "model_version_files_are_fixed"),
    "no files": ("modelversion SET path = ''", "model_version_files_are_fixed"),
    "snapshot": ("corpussnapshot SET digest = repeat('0', 64)", "snapshot_is_fixed"),
    "root": ("corpussnapshot SET merkle_root = repeat('0', 64)", "snapshot_is_fixed"),
    "recipe": ("registeredrecipe SET body = '{}'", "recipe_is_fixed"),
}


@roles
@pytest.mark.parametrize(("change", "rule"), MADE_CHANGES.values(), ids=MADE_CHANGES)
def test_the_database_refuses_to_change_what_was_made(change: str, rule: str, role: str) -> None:
    model_version()
    refused(role, "UPDATE unlearning_jobs_", change, rule=rule)


@roles
@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("modelversion", "model_version_is_kept"),
        ("corpussnapshot", "snapshot_is_kept"),
        ("registeredrecipe", "recipe_is_kept"),
    ],
)
def test_the_database_refuses_to_delete_what_was_made(table: str, rule: str, role: str) -> None:
    model_version()
    refused(role, f"DELETE FROM unlearning_jobs_{table}", rule=rule)  # noqa: S608  # a name from the list above


def test_the_database_refuses_to_bring_back_what_was_destroyed() -> None:
    model_version(state="destroyed", path="")
    refused("UPDATE unlearning_jobs_modelversion SET state = 'active'", rule="model_version_stays_destroyed")


@roles
def test_the_database_refuses_a_result_for_a_job_that_was_cancelled(role: str) -> None:
    job_cancel(job_id=unlearning_job().pk, actor="account:1")
    refused(role, "UPDATE unlearning_jobs_job SET state = 'completed', output = 'jobs/0/run-1'", rule="job_stays_ended")
