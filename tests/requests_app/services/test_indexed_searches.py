"""Searches ask the indexes, keep what answered them, and read in full what has no index that can be trusted."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from django.conf import settings

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app import snapshot_search as module
from requests_app.finding import examples_find
from requests_app.models import Search
from requests_app.search_wording import NOTES as NOTE_WORDS
from requests_app.search_wording import WHY_NOT_ASKED, missing_sentences, read_sentence
from requests_app.services.intake import TargetDetails
from requests_app.services.search_orders import request_search_again
from tests.personas import ADA, Staff, client_of
from tests.staging import Stage, corpus, trained
from unlearning_jobs.engine.matching.index.part import NOTES
from unlearning_jobs.index_runner import index_execute
from unlearning_jobs.index_search import REASONS
from unlearning_jobs.models import CorpusIndex, CorpusSnapshot, ModelVersion

pytestmark = pytest.mark.django_db
TARGET = TargetDetails(name=ADA, other_names=("Mara Stone", "keeper@tilsk.example", "@grey_stone"))


@pytest.fixture
def model(artefacts: Path, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    assert not artefacts.exists()
    monkeypatch.setattr("unlearning_jobs.stamps.COARSEST", 0)  # what was written a moment ago counts as settled
    return trained(corpus())


def built(model: ModelVersion) -> CorpusIndex:
    return index_execute(index_id=model.snapshot.indexes.get().pk)


def searched(staff: Staff, model: ModelVersion, key: str) -> Search:
    return Stage.opened(staff, model, key, TARGET).searched().request.searches.get()


def matches(search: Search) -> list[tuple[object, ...]]:
    return sorted(
        search.request.matches.values_list("example_id", "spans", "methods", "score", "because", "copied"), key=str
    )


def test_an_index_gives_the_matches_of_a_sweep_and_the_search_keeps_which_of_them_answered(
    staff: Staff, model: ModelVersion
) -> None:
    swept = searched(staff, model, "k1")
    index = built(model)
    asked = searched(staff, model, "k2")

    assert matches(asked) == matches(swept) != []
    assert swept.targets[0]["read"] == {"by": "sweep", "why": "index_waits"}
    assert asked.targets[0]["read"] == {"by": "index", "index_sha256": index.digest, "version": "lethe-index/1"}
    assert read_sentence(swept.targets[0]) == "Read in full, because its index was not built yet."
    assert read_sentence(asked.targets[0]).startswith(f"Answered from the index of {model.snapshot} (lethe-index/1")
    page = client_of(staff.omar).get(f"/cases/{asked.request.reference}/matches/").content.decode()
    assert "Answered from the index of" in page


def test_the_record_says_the_same_of_a_search_whatever_answered_it(staff: Staff, model: ModelVersion) -> None:
    first, _index, second = searched(staff, model, "k1"), built(model), searched(staff, model, "k2")
    said = [
        json.loads(bytes(RecordEntry.objects.get(subject=search.request.subject, kind=RecordKind.MAPPING_COMPLETED).body))[
            "data"
        ]
        for search in (first, second)
    ]
    assert said[0] == said[1]


def test_a_search_with_an_index_reads_neither_the_corpus_nor_the_index_in_full_and_takes_under_a_second(
    staff: Staff, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(model)
    first = searched(staff, model, "k1")
    checked = CorpusSnapshot.objects.get().checked_at

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("unlearning_jobs.engine.corpora.Snapshot.verify", refuse)
    monkeypatch.setattr("unlearning_jobs.engine.matching.index.container._digests", refuse)
    # What the search would find of a thousand copies of the request's words is measured besides.
    monkeypatch.setattr("requests_app.search_runner.self_test", lambda _query: [])
    began = time.process_time()  # of this process: others share the machine
    second = searched(staff, model, "k2")
    assert time.process_time() - began < 1
    assert CorpusSnapshot.objects.get().checked_at == checked
    assert matches(second) == matches(first)


@pytest.mark.parametrize("harm", ["bytes", "half gone", "gone"])
def test_a_damaged_index_is_not_asked_and_the_search_says_so(staff: Staff, model: ModelVersion, harm: str) -> None:
    sound = searched(staff, model, "k1")
    folder = settings.ARTEFACTS / built(model).path
    if harm == "bytes":
        path = folder / "words" / "vocabulary.txt"
        before = path.stat()
        path.write_bytes(path.read_bytes()[::-1])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif harm == "half gone":
        (folder / "index.json").unlink()
    else:
        shutil.rmtree(folder)
    search = searched(staff, model, "k2")
    assert search.targets[0]["read"] == {"by": "sweep", "why": "index_gone" if harm == "gone" else "index_damaged"}
    assert matches(search) == matches(sound)
    assert search.complete


def test_an_index_that_changes_while_it_is_asked_is_not_believed(
    staff: Staff, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, folder, ask = searched(staff, model, "k1"), settings.ARTEFACTS / built(model).path, module._from_index

    def ask_and_change(*arguments: object) -> object:
        (folder / "index.json").touch()
        return [*ask(*arguments)][:1]  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(module, "_from_index", ask_and_change)
    search = searched(staff, model, "k2")
    assert search.targets[0]["read"] == {"by": "sweep", "why": "index_changed"}
    assert matches(search) == matches(sound)


def test_a_corpus_that_changes_while_it_is_searched_does_not_count_as_searched(
    staff: Staff, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, folder = module._search_texts, settings.ARTEFACTS / model.snapshot.path

    def change(*arguments: object) -> None:
        ask(*arguments)  # type: ignore[arg-type]  # passed on as they are
        (folder / "examples.jsonl").touch()

    monkeypatch.setattr(module, "_search_texts", change)
    search = searched(staff, model, "k1")
    assert search.targets[0]["outcome"] == Search.Target.UNREADABLE
    assert not search.complete
    assert missing_sentences(search) == ["The training data of 1 model, in use or being trained, could not be read."]


def test_what_an_index_cannot_narrow_down_is_read_for_in_full_and_said(staff: Staff, model: ModelVersion) -> None:
    built(model)
    target = TargetDetails(name=ADA, other_names=("bücher.de",))
    search = Stage.opened(staff, model, "k3", target).searched().request.searches.get()
    swept = search.targets[0]["swept"]
    assert all(query in {one["id"] for one in search.queries} for query in swept)
    assert ("Read in full for: " in read_sentence(search.targets[0])) == bool(swept)


def test_searching_again_after_the_index_was_built_keeps_the_decisions(staff: Staff, model: ModelVersion) -> None:
    stage = Stage.opened(staff, model, "k1", TARGET).searched()
    match = stage.request.matches.earliest("pk")
    stage.request.matches.filter(pk=match.pk).update(decision="accepted", decided_by=staff.omar)
    built(model)
    stage.request = request_search_again(request=stage.request, by=staff.omar)
    from requests_app.search_runner import request_map

    request_map(request_id=stage.request.pk)
    assert stage.request.matches.get(pk=match.pk).decision == "accepted"
    assert [search.targets[0]["read"]["by"] for search in stage.request.searches.order_by("number")] == ["sweep", "index"]


def test_an_officer_who_looks_for_examples_is_answered_from_the_index(staff: Staff, model: ModelVersion) -> None:
    swept = examples_find(model.snapshot, ADA)
    built(model)
    searched(staff, model, "k1")
    asked = examples_find(model.snapshot, ADA)
    assert [one.example.id for one in asked.examples] == [one.example.id for one in swept.examples] != []


def test_every_reason_and_every_note_has_words() -> None:
    assert set(WHY_NOT_ASKED) == set(REASONS)
    assert set(NOTE_WORDS) == set(NOTES)


def test_looking_by_hand_says_in_which_way_it_did_not_look(artefacts: Path) -> None:
    assert not artefacts.exists()
    model = trained(corpus())
    assert examples_find(model.snapshot, ADA).left_out == ""
    found = examples_find(model.snapshot, "a@b")
    assert found.obstacle == ""
    assert found.left_out != ""
