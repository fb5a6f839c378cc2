"""A draw of canaries is opened once, for what was unlearned and released, and says so in the record."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.utils import DatabaseError, IntegrityError

from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from tests.canaries import SECRET, Engine, drawn, finding, name_of, plain, released, train, with_canaries
from tests.checkpoints import worked
from tests.unlearning_jobs.services.test_ledger_doors import made
from unlearning_jobs.engine.canaries.drawing import Draw
from unlearning_jobs.engine.canaries.judgement import CanaryJudgement
from unlearning_jobs.engine.canaries.source import CanarySource
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.models import CanaryDraw, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.services.canaries import canaries_open, opened
from unlearning_jobs.services.model_versions import model_version_release, unlearning_start

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def snapshot(artefacts: Path) -> CorpusSnapshot:  # noqa: ARG001  # the corpus is written there
    return with_canaries()


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


@pytest.mark.usefixtures("artefacts")
def test_a_model_that_was_trained_again_without_its_canaries_shows_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _bytes: SECRET)
    snapshot = with_canaries()
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
