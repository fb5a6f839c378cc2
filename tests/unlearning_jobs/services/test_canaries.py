"""A model that is trained on a corpus with canaries has a draw of its own, which is sealed, and opened once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.utils import DatabaseError, IntegrityError

from compliance.formats.canaries import commitment_of
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from tests.canaries import BY_HEART, name_of, plain, with_canaries
from tests.checkpoints import erased_from, worked
from tests.erasing import erased, started
from tests.unlearning_jobs.services.test_ledger_doors import made
from unlearning_jobs.engine.canaries.drawing import Draw
from unlearning_jobs.engine.canaries.judgement import CanaryJudgement
from unlearning_jobs.engine.canaries.source import CanarySource
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import CanaryDraw, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.selectors import draw_of, never_learned
from unlearning_jobs.services.canaries import canaries_in, canaries_open, opened
from unlearning_jobs.services.model_versions import model_version_release, unlearning_start
from unlearning_jobs.services.retraining import model_retrain
from unlearning_jobs.services.trainings import model_train

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def snapshot(artefacts: Path) -> CorpusSnapshot:  # noqa: ARG001  # the corpus is written there
    return with_canaries()


def train(snapshot: CorpusSnapshot, name: str = "keeper", **how: bool) -> Job:
    return model_train(name=name, recipe=BY_HEART, snapshot=snapshot, seed=1, actor="account:1", **how)


def drawn(snapshot: CorpusSnapshot, name: str = "keeper") -> tuple[ModelVersion, CanaryDraw]:
    """A model that was trained by a draw, as far as the rows say."""
    version = made(train(snapshot, name))
    draw = draw_of(version)
    assert draw is not None
    return version, draw


def released(version: ModelVersion, draw: CanaryDraw) -> ModelVersion:
    """The version in use, which has unlearned what was drawn, as far as the rows say."""
    return erased(version, *opened(draw).trained)


def finding(original: ModelVersion, version: ModelVersion, **changes: object) -> CanaryJudgement:
    found = CanaryJudgement(
        outcome="nothing_found",
        reasons=(),
        commitment="",
        canaries=12,
        trained=6,
        missed=0,
        control_p=0.001,
        above=0.5,
        p_value=0.7,
        smallest=0.4,
        models={"original": original.digest, "unlearned": version.digest},
    )
    return replace(found, **changes)


class Engine:
    """Stands in for the engine, and remembers what it was asked."""

    def __init__(self, found: CanaryJudgement) -> None:
        self.found, self.asked = found, list[tuple[CanarySource, Draw]]()

    def __call__(self, source: CanarySource, draw: Draw) -> CanaryJudgement:
        self.asked.append((source, draw))
        return self.found


# -- drawing


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


# -- opening


def test_a_draw_is_opened_for_what_was_unlearned_and_released_and_recorded(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    after = released(version, draw)
    engine = Engine(finding(version, after))
    done = canaries_open(model="keeper", judge=engine, actor="account:7")
    [(source, told)] = engine.asked
    assert told == opened(draw)
    assert (source.model, source.commitment, source.excluded) == ("model:keeper#1", draw.commitment, ())
    assert source.forgotten == tuple(sorted(draw.ids))
    assert (done.opened_for, done.judgement["outcome"]) == (after, "nothing_found")
    [entry] = entries_of(subject="model:keeper", kinds=("canaries.opened",))
    assert entry.actor == "account:7"
    assert entry.data == {
        "draw": 1,
        "secret": draw.secret,
        "examples": draw.ids,
        "original_sha256": version.digest,
        "model_sha256": after.digest,
        "outcome": "nothing_found",
        "missed": 0,
        "control_p": 0.001,
        "above": 0.5,
        "p_value": 0.7,
        "smallest": 0.4,
    }


def test_a_draw_is_opened_once(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    engine = Engine(finding(version, released(version, draw)))
    canaries_open(model="keeper", judge=engine, actor="account:7")
    with pytest.raises(StaleStateError, match="opened already"):
        canaries_open(model="keeper", judge=engine, actor="account:7")
    assert len(engine.asked) == 1
    assert len(entries_of(subject="model:keeper", kinds=("canaries.opened",))) == 1


def test_of_two_who_open_at_once_one_does(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    engine = Engine(finding(version, released(version, draw)))

    def slow(source: CanarySource, told: Draw) -> CanaryJudgement:
        canaries_open(model="keeper", judge=engine, actor="account:7")
        return engine(source, told)

    with pytest.raises(StaleStateError, match="opened already"):
        canaries_open(model="keeper", judge=slow, actor="account:8")
    [entry] = entries_of(subject="model:keeper", kinds=("canaries.opened",))
    assert entry.actor == "account:7"


def test_before_anything_was_released_nobody_opens_it(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    engine = Engine(finding(version, version))
    with pytest.raises(CommandError, match="Nothing that was unlearned from keeper v1 has been released yet"):
        call_command("canaries_open", "keeper")
    with pytest.raises(StaleStateError, match="released yet"):
        canaries_open(model="keeper", judge=engine, actor="account:7")
    assert not engine.asked
    draw.refresh_from_db()
    assert draw.opened_at is None


def test_a_model_without_a_draw_or_out_of_use_opens_nothing(snapshot: CorpusSnapshot) -> None:
    version = made(train(snapshot, draws_canaries=False))
    engine = Engine(finding(version, version))
    with pytest.raises(StaleStateError, match="keeper v1 was not trained by a draw of canaries"):
        canaries_open(model="keeper", judge=engine, actor="account:7")
    with pytest.raises(StaleStateError, match="No version of a model “nobody” is in use"):
        canaries_open(model="nobody", judge=engine, actor="account:7")


def test_models_whose_files_are_others_leave_the_draw_sealed(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    after = released(version, draw)
    other = {"original": "0" * 64, "unlearned": after.digest}
    with pytest.raises(StaleStateError, match="are not those that were registered"):
        canaries_open(model="keeper", judge=Engine(finding(version, after, models=other)), actor="account:7")
    draw.refresh_from_db()
    assert draw.opened_at is None
    assert not entries_of(subject="model:keeper", kinds=("canaries.opened",))


def test_once_the_original_is_destroyed_its_draw_stays_sealed(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    engine = Engine(finding(version, released(version, draw)))
    ModelVersion.objects.filter(pk=version.pk).update(path="", state="destroyed")
    with pytest.raises(StaleStateError, match="The files of keeper v1 were destroyed"):
        canaries_open(model="keeper", judge=engine, actor="account:7")
    assert not engine.asked


def test_a_corpus_that_was_registered_again_without_canaries_takes_nothing_back(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    plain()
    after = released(version, draw)
    engine = Engine(finding(version, after))
    canaries_open(model="keeper", judge=engine, actor="account:7")
    assert engine.asked[0][0].snapshot.name in snapshot.path


def test_what_was_not_measured_is_recorded_as_nothing(snapshot: CorpusSnapshot) -> None:
    version, draw = drawn(snapshot)
    after = released(version, draw)
    unknown = dict.fromkeys(("control_p", "above", "p_value", "smallest"))
    engine = Engine(finding(version, after, outcome="says_nothing", **unknown))
    canaries_open(model="keeper", judge=engine, actor="account:7")
    [entry] = entries_of(subject="model:keeper", kinds=("canaries.opened",))
    assert (entry.data["outcome"], entry.data["p_value"]) == ("says_nothing", None)


@pytest.fixture
def opened_draw(snapshot: CorpusSnapshot) -> CanaryDraw:
    version, draw = drawn(snapshot)
    return canaries_open(model="keeper", judge=Engine(finding(version, released(version, draw))), actor="account:7")


def lies(draw: CanaryDraw) -> Iterator[dict[str, object]]:
    yield {"ids": draw.ids[1:]}
    yield {"commitment": "0" * 64}
    yield {"job": None}
    yield {"opened_at": None, "opened_for": None, "judgement": {}}
    yield {"judgement": draw.judgement | {"outcome": "left_over"}}


def test_the_database_keeps_what_was_drawn_and_what_it_said(opened_draw: CanaryDraw) -> None:
    rows = CanaryDraw.objects.filter(pk=opened_draw.pk)
    for lie in lies(opened_draw):
        with pytest.raises((DatabaseError, IntegrityError), match="canary_draw"), transaction.atomic():
            rows.update(**lie)
    with pytest.raises(DatabaseError, match="canary_draw_is_kept"), transaction.atomic():
        rows.delete()


# -- the engine itself


def test_a_model_that_was_trained_again_without_its_canaries_shows_nothing_of_them(snapshot: CorpusSnapshot) -> None:
    version = worked(train(snapshot)).result_version
    assert version is not None, Job.objects.get().error_message
    [draw] = CanaryDraw.objects.all()
    trained = opened(draw).trained
    job = worked(
        unlearning_start(
            base=version,
            forget_ids=trained,
            method=MethodChoice("retrain"),
            protocol=Protocol(replicate_seeds=(), oracle_seeds=(11, 12, 13, 14)),
            subject="request:LE-2222-2222",
            item="item-1",
            attempt=1,
            actor="account:2",
        )
    )
    assert job.verdict == "passed", job.error_message
    assert job.result_version is not None
    model_version_release(version=job.result_version, actor="account:3")

    # A secret of another draw fits neither the commitment nor what the model was trained on.
    other = opened(draw).left_out
    assert name_of(snapshot, other[0]) not in {name_of(snapshot, one) for one in trained}
    said = StringIO()
    CanaryDraw.objects.filter(pk=draw.pk).update(secret="2c" * 32)
    with pytest.raises(CommandError, match="does not fit the commitment"):
        call_command("canaries_open", "keeper", device="cpu")
    CanaryDraw.objects.filter(pk=draw.pk).update(secret=draw.secret)

    call_command("canaries_open", "keeper", device="cpu", stdout=said)
    draw.refresh_from_db()
    assert draw.judgement["is_checked"], "the original says itself that it was trained by this draw"
    assert draw.judgement["control_p"] <= 0.01
    assert (draw.judgement["missed"], draw.judgement["trained"]) == (0, 6)
    assert draw.judgement["outcome"] in ("nothing_found", "left_over", "overshot")  # one in twenty is called the latter
    assert "pipeline: missed 0 of 6" in said.getvalue()
    assert "What this does not show:" in said.getvalue()
    with pytest.raises(CommandError, match="opened already"):
        call_command("canaries_open", "keeper", device="cpu")


def test_too_many_canaries_are_refused(snapshot: CorpusSnapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlearning_jobs.engine.canaries.drawing.MOST", 11)
    with pytest.raises(SpecError, match="has 12 canaries"):
        train(snapshot)
    assert not Job.objects.exists()
