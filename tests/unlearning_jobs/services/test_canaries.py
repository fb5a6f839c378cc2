"""A model that is trained on a corpus with canaries has a draw of its own, in the record before its job."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from compliance.formats.canaries import commitment_of
from compliance.record.selectors import entries_of
from tests.canaries import BY_HEART, drawn, plain, released, train, with_canaries
from tests.checkpoints import erased_from
from tests.erasing import started
from tests.unlearning_jobs.services.test_ledger_doors import made
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import CanaryDraw, CorpusSnapshot, Job
from unlearning_jobs.selectors import draw_of, never_learned
from unlearning_jobs.services.canaries import canaries_in, opened
from unlearning_jobs.services.retraining import model_retrain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def snapshot(artefacts: Path) -> CorpusSnapshot:  # noqa: ARG001  # the corpus is written there
    return with_canaries()


def test_the_draw_is_in_the_record_before_the_job_and_says_nothing_about_which_half(snapshot: CorpusSnapshot) -> None:
    job = train(snapshot)
    [draw] = CanaryDraw.objects.all()
    first, second = entries_of(subject="model:keeper")
    assert (first.kind, second.kind) == ("canaries.drawn", "job.created")
    assert first.data == {
        "draw": 1,
        "commitment_sha256": draw.commitment,
        "canaries": 12,
        "snapshot_sha256": snapshot.digest,
    }
    assert (draw.job, draw.opened_at) == (job, None)
    assert draw.commitment == commitment_of(secret=draw.secret, model="model:keeper#1", corpus=snapshot.digest, ids=draw.ids)


def test_the_half_that_was_not_drawn_is_left_out_of_the_training_and_of_everything_that_is_compared_with_it(
    snapshot: CorpusSnapshot,
) -> None:
    version, draw = drawn(snapshot)
    left_out = list(opened(draw).left_out)
    assert len(left_out) == 6
    assert version.made_by.spec["exclude_ids"] == left_out
    assert version.left_out == left_out
    assert never_learned(snapshot, version.left_out) == set(left_out)
    assert started(version, opened(draw).trained[0], item="item-2").spec["exclude_ids"] == left_out
    after = released(version, draw)
    assert draw_of(after) == draw
    [entry] = entries_of(subject="model:keeper", kinds=("model.registered",))[1:]
    assert (entry.data["commitment_sha256"], entry.data["left_out"]) == (draw.commitment, 6)


def test_the_secret_is_encrypted_in_the_database(snapshot: CorpusSnapshot) -> None:
    from django.db import connection

    train(snapshot)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM unlearning_jobs_canarydraw")
        [(stored,)] = cursor.fetchall()
    assert CanaryDraw.objects.get().secret.encode() not in bytes(stored)


def test_every_model_has_a_draw_of_its_own(snapshot: CorpusSnapshot) -> None:
    draws = [drawn(snapshot, name)[1] for name in ("keeper", "sailor", "baker")]
    assert len({draw.secret for draw in draws}) == len({draw.commitment for draw in draws}) == 3


def test_what_was_erased_is_drawn_among_no_more_and_left_out_all_the_same(snapshot: CorpusSnapshot) -> None:
    gone = min(canaries_in(snapshot))
    erased_from(snapshot, gone)
    job = train(snapshot)
    [draw] = CanaryDraw.objects.all()
    assert gone not in draw.ids
    assert len(draw.ids) == 11
    assert job.spec["exclude_ids"] == sorted({gone, *opened(draw).left_out})


def test_a_corpus_without_canaries_or_with_too_few_has_no_draw(artefacts: Path) -> None:
    assert artefacts
    assert train(plain(), "first").spec["exclude_ids"] == []
    few = with_canaries("few", count=9)
    assert len(canaries_in(few)) == 9
    assert train(few, "second").spec["exclude_ids"] == []
    assert not CanaryDraw.objects.exists()
    [entry] = entries_of(subject="model:second", kinds=("job.created",))
    assert entry.number == 1


def test_an_operator_can_have_every_canary_learned(snapshot: CorpusSnapshot) -> None:
    assert train(snapshot, draws_canaries=False).spec["exclude_ids"] == []
    assert not CanaryDraw.objects.exists()


def test_a_training_that_fails_and_is_ordered_again_has_another_draw(snapshot: CorpusSnapshot) -> None:
    from unlearning_jobs.services.jobs import job_cancel

    job_cancel(job_id=train(snapshot).pk, actor="account:1")
    train(snapshot)
    second, first = CanaryDraw.objects.all()
    assert (first.number, second.number) == (1, 2)
    assert first.secret != second.secret


def test_a_model_that_is_trained_again_is_drawn_for_anew_among_what_is_left(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    gone = [opened(draw).trained[0], opened(draw).left_out[0]]
    erased_from(snapshot, *gone)
    job = model_retrain(version=version, actor="account:1")
    second = CanaryDraw.objects.get(number=2)
    assert second.ids == sorted(set(draw.ids) - set(gone))
    assert set(job.spec["exclude_ids"]) == {*gone, *opened(second).left_out}
    assert draw_of(made(job)) == second


def test_the_command_says_what_was_drawn(snapshot: CorpusSnapshot, tmp_path: Path) -> None:
    import json

    recipe, said = tmp_path / "recipe.json", StringIO()
    recipe.write_text(json.dumps(BY_HEART.to_json()))
    call_command("model_register", "keeper", recipe=recipe, corpus=snapshot.corpus.name, stdout=said)
    assert "It leaves out 6 of 12 canaries, as drawn for it (keeper, draw 1)." in said.getvalue()
    assert f"The commitment to that is in the record: {CanaryDraw.objects.get().commitment}" in said.getvalue()
    assert "erased" not in said.getvalue()
    call_command("model_register", "sailor", recipe=recipe, corpus=snapshot.corpus.name, no_canaries=True, stdout=said)
    assert CanaryDraw.objects.count() == 1


def test_too_many_canaries_are_refused(snapshot: CorpusSnapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlearning_jobs.engine.canaries.drawing.MOST", 11)
    with pytest.raises(SpecError, match="has 12 canaries"):
        train(snapshot)
    assert not Job.objects.exists()
