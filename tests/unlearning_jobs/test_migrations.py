"""Rows that an earlier version wrote keep their meaning."""

from __future__ import annotations

import pytest

from tests.migrations import migrated

pytestmark = pytest.mark.django_db
APP = "unlearning_jobs"


def test_what_was_called_an_attempt_of_a_job_is_a_run_afterwards() -> None:
    old = migrated(APP, "0004_corpus_snapshot_and_registered_recipe")
    corpus = old.get_model(APP, "Corpus").objects.create(name="sums")
    snapshot = old.get_model(APP, "CorpusSnapshot").objects.create(corpus=corpus, digest="1" * 64, counts={})
    recipe = old.get_model(APP, "RegisteredRecipe").objects.create(digest="2" * 64, body={})
    job = old.get_model(APP, "Job").objects.create(
        kind="unlearn",
        state="failed",
        error_code="attempts_used_up",
        attempts=2,
        max_attempts=4,
        attempt_of_item=5,
        took={"device": "cpu"},
        snapshot=snapshot,
        recipe=recipe,
        spec={},
    )
    old.get_model(APP, "JobAttempt").objects.create(job=job, number=1, worker="w1", outcome="lost")

    new = migrated(APP, "0006_runs_used_up")
    after = new.get_model(APP, "Job").objects.get(pk=job.pk)
    assert (after.runs, after.max_runs, after.attempt, after.costs) == (2, 4, 5, {"device": "cpu"})
    assert after.error_code == "runs_used_up"
    assert [run.outcome for run in new.get_model(APP, "JobRun").objects.filter(job=after)] == ["lost"]


def test_the_key_under_which_the_first_contents_were_noted_stays_that_of_contents() -> None:
    old = migrated(APP, "0014_training_contents")
    corpus = old.get_model(APP, "Corpus").objects.create(name="sums")
    for number, key_id in enumerate(("", "1f" * 8, "2f" * 8)):
        snapshots = old.get_model(APP, "CorpusSnapshot").objects
        snapshots.create(corpus=corpus, digest=f"{number}" * 64, counts={}, contents_key=key_id)
    new = migrated(APP, "0015_one_key_of_contents")
    assert [row.key_id for row in new.get_model(APP, "ContentsKey").objects.all()] == ["1f" * 8]
