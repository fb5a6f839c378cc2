"""Searches by meaning and for copies of a picture: what they find and keep, and what is said where they cannot run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app.models import Search
from requests_app.search_wording import answer_sentences, missing_sentences, searched_sentences
from requests_app.services.findings import search_covers_all
from requests_app.services.intake import ClaimantDetails, TargetDetails, request_submit
from requests_app.services.matches import by_meaning_alone
from tests import pictures
from tests.personas import ADA, ADA_EMAIL, Staff, client_of
from tests.staging import Stage, trained
from tests.unlearning_jobs.engine.matching.conftest import TEXTS, static_folder, tiny, tiny_folder  # noqa: F401  # fixtures
from tests.unlearning_jobs.engine.matching.test_meaning import CountingEncoder
from unlearning_jobs import index_runner
from unlearning_jobs.engine.matching.meaning import MeaningPart
from unlearning_jobs.index_parts import Kind
from unlearning_jobs.index_runner import index_execute
from unlearning_jobs.models import CorpusIndex, CorpusSnapshot
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.states import JobState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
SHUFFLED = " ".join(reversed(TEXTS[31].rstrip(".").split()))
"""In other words, as far as a search for passages can tell."""


def registered(source: Path) -> CorpusSnapshot:
    return corpus_register(name="shelf", sources=[source], actor="account:1")


def texts(tmp_path: Path) -> CorpusSnapshot:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return registered(path)


def build(snapshot: CorpusSnapshot) -> None:
    for index in snapshot.indexes.all():
        assert index_execute(index_id=index.pk).state == JobState.COMPLETED


def searched(staff: Staff, kind: str = "erasure", key: str = "k1", **target: Any) -> Search:
    request = request_submit(
        kind=kind,
        language="en",
        claimant=ClaimantDetails(name=ADA, email=ADA_EMAIL),
        target=TargetDetails(name=ADA, **target),
        submission_key=key,
    )
    models = [
        snapshot.model_versions.first() or trained(snapshot, f"model{number}")
        for number, snapshot in enumerate(CorpusSnapshot.objects.order_by("pk"))
    ]
    return Stage(staff, models[0], request).searched().request.searches.get()


def recorded(search: Search) -> dict[str, Any]:
    entry = RecordEntry.objects.get(subject=search.request.subject, kind=RecordKind.MAPPING_COMPLETED)
    data = json.loads(bytes(entry.body))["data"]
    assert isinstance(data, dict)
    return data


@pytest.fixture
def encoder(settings: Settings, static_folder: Path) -> None:  # noqa: F811  # the fixture, not the import
    settings.MEANING_ENCODER = str(static_folder)


@pytest.mark.usefixtures("encoder")
def test_other_words_are_found_by_meaning_and_marked(staff: Staff, tmp_path: Path) -> None:
    snapshot = texts(tmp_path)
    build(snapshot)
    search = searched(staff, evidence_output=SHUFFLED)

    match = search.request.matches.get(example_id="e00000031")
    assert (match.methods, match.because) == (["meaning"], ["meaning"])
    assert by_meaning_alone(match)

    [answer] = search.answers
    assert (answer["query"], answer["snapshot_sha256"]) == ("output-meaning", snapshot.digest)
    assert answer["index_sha256"] == snapshot.indexes.get(kind=Kind.MEANING).digest
    assert answer["found"] == search.request.matches.count()
    assert "not_exhaustive" in answer["notes"]
    assert SHUFFLED not in json.dumps([search.answers, search.queries, recorded(search)])
    assert "what the model answered, by its meaning" in searched_sentences(search)[1]
    assert "may miss some of it" in searched_sentences(search)[2]
    page = client_of(staff.omar).get(f"/cases/{search.request.reference}/matches/").content.decode()
    assert answer_sentences(search)[0].split(" (")[0] in page
    assert "It never shows that nothing is there." in page


def test_the_index_by_meaning_of_a_later_snapshot_encodes_only_what_is_new(
    tmp_path: Path,
    settings: Settings,
    static_folder: Path,  # noqa: F811  # the fixture, not the import
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MEANING_ENCODER = str(static_folder)
    encoder = CountingEncoder.open(static_folder)
    monkeypatch.setattr(index_runner, "answering_part", lambda _kind: MeaningPart(encoder))
    build(texts(tmp_path))
    assert encoder.encoded >= len(set(TEXTS))
    encoder.encoded = 0
    path = tmp_path / "texts.jsonl"
    path.write_text(path.read_text() + json.dumps({"text": "mara dovu kena."}) + "\n")
    later = registered(path)
    index_execute(index_id=later.indexes.get(kind=Kind.MEANING).pk)
    assert CorpusSnapshot.objects.count() == 2
    assert encoder.encoded == 1


@pytest.mark.usefixtures("encoder")
def test_an_index_by_meaning_that_is_not_built_yet_is_said_and_leaves_the_search_complete(
    staff: Staff, tmp_path: Path
) -> None:
    snapshot = texts(tmp_path)
    index_execute(index_id=snapshot.indexes.get(kind=Kind.TEXTS).pk)
    search = searched(staff, evidence_output=SHUFFLED)
    assert [answer["why"] for answer in search.answers] == ["index_waits"]
    assert "by its meaning" not in " ".join(searched_sentences(search))
    [sentence] = missing_sentences(search)
    assert sentence == (
        "In 1 snapshot of training data, the search could not look for what the model answered, by its meaning:"
        " its index was not built yet."
    )
    assert search_covers_all(search)


@pytest.mark.usefixtures("encoder")
def test_with_another_encoder_an_index_by_meaning_is_not_asked_and_built_again(
    staff: Staff,
    tmp_path: Path,
    settings: Settings,
    tiny_folder: Path,  # noqa: F811  # the fixture, not the import
) -> None:
    build(texts(tmp_path))
    settings.MEANING_ENCODER = str(tiny_folder)
    search = searched(staff, evidence_output=SHUFFLED)
    assert [answer["why"] for answer in search.answers] == ["index_of_another_version"]
    assert CorpusIndex.objects.get(kind=Kind.MEANING).state == JobState.QUEUED


def test_an_encoder_that_cannot_be_opened_is_an_obstacle_and_no_failure(
    staff: Staff, tmp_path: Path, settings: Settings
) -> None:
    settings.MEANING_ENCODER = str(tmp_path / "nothing")
    build_failed = texts(tmp_path).indexes.get(kind=Kind.MEANING)
    assert index_execute(index_id=build_failed.pk).error_code == "bad_encoder"
    search = searched(staff, evidence_output=SHUFFLED)
    assert {"id": "output-meaning", "kind": "meaning", "obstacle": "bad_encoder"} in search.queries
    assert "what compares meanings could not be started" in missing_sentences(search)[0]


def shelf(tmp_path: Path) -> CorpusSnapshot:
    return registered(pictures.pictures_file(tmp_path / "pictures.npz"))


def copy(number: int) -> str:
    """A scaled and compressed copy of a picture of the corpus, as a request keeps it."""
    return pictures.kept(pictures.drawn(number).resize((50, 44)))


def test_a_copy_of_a_picture_is_found(staff: Staff, tmp_path: Path) -> None:
    snapshot = shelf(tmp_path)
    build(snapshot)
    search = searched(staff, "copyright", work_picture=copy(7))
    best = search.request.matches.earliest("-score")
    assert (best.example_id, best.methods, best.because) == ("e00000007", ["image"], ["image"])
    assert [query["id"] for query in search.queries] == ["picture"]
    assert recorded(search)["not_searchable"] == []
    assert missing_sentences(search) == [
        "Pictures were compared with the one that was handed in, and texts beside them were read: nothing else."
    ]
    page = client_of(staff.omar).get(f"/cases/{search.request.reference}/work.png")
    assert page["Content-Type"] == "image/png"


def test_pictures_that_could_not_be_compared_leave_a_search_incomplete(staff: Staff, tmp_path: Path) -> None:
    index_execute(index_id=shelf(tmp_path).indexes.get(kind=Kind.TEXTS).pk)
    search = searched(staff, "copyright", work_picture=copy(7))
    assert not search.complete
    assert recorded(search)["not_searchable"] == [{"kind": "image", "obstacle": "index_waits"}]
    assert searched_sentences(search) == ["Nothing could be searched."]


def test_a_picture_that_can_no_longer_be_read_is_an_obstacle(staff: Staff, tmp_path: Path) -> None:
    build(shelf(tmp_path))
    search = searched(staff, "copyright", work_picture="AAAA")
    assert recorded(search)["not_searchable"] == [{"kind": "image", "obstacle": "not_an_image"}]
    assert "the picture of the work: it is no picture that can be read" in " ".join(missing_sentences(search))
    assert not search.complete


def test_a_picture_is_not_looked_for_in_texts_and_that_is_said(staff: Staff, tmp_path: Path) -> None:
    build(texts(tmp_path))
    search = searched(staff, "copyright", work_picture=copy(7), work_text=TEXTS[3])
    assert search.complete
    assert search.request.matches.get(example_id="e00000003").methods == ["exact"]
    said = " ".join(missing_sentences(search))
    assert "the search could not look for the picture of the work: it holds no pictures" in said


def test_what_was_looked_for_in_a_part_of_the_training_data_is_said_of_that_part_alone(staff: Staff, tmp_path: Path) -> None:
    build(texts(tmp_path))
    build(shelf(tmp_path))
    search = searched(staff, "copyright", work_picture=copy(7), work_text=TEXTS[3])
    when, everywhere, in_one, *_ = searched_sentences(search)
    assert "we have of 2 models in use was searched on" in when
    assert everywhere == "The search looked for: the text of the work."
    assert in_one == "In the training data of 1 model alone, it looked for: the picture of the work."


def test_training_data_in_which_nothing_was_looked_for_were_not_searched(staff: Staff, tmp_path: Path) -> None:
    """A picture and a title too short to look for, and nothing but texts: nothing was found, for nothing was looked for."""
    build(texts(tmp_path))
    search = searched(staff, "copyright", work_picture=copy(7), work_title="Sunset")
    assert not search.complete
    assert searched_sentences(search) == ["Nothing could be searched."]
    assert recorded(search)["not_searchable"] == [{"kind": "image", "obstacle": "not_images"}]
    assert recorded(search)["queries"] == []


@pytest.mark.usefixtures("encoder")
def test_nothing_is_said_to_be_searched_by_meaning_where_nothing_was_compared(staff: Staff, tmp_path: Path) -> None:
    build(shelf(tmp_path))
    search = searched(staff, "copyright", work_text=TEXTS[3])
    assert "by its meaning" not in " ".join(searched_sentences(search))
    assert any("by its meaning: it holds no texts" in sentence for sentence in missing_sentences(search))
    assert [query["kind"] for query in recorded(search)["queries"]] == ["exact"]


@pytest.mark.usefixtures("encoder")
def test_what_has_no_word_that_the_encoder_knows_is_named(staff: Staff, tmp_path: Path) -> None:
    build(texts(tmp_path))
    search = searched(staff, evidence_output="qzx vvw kkj ppt rrl ssm wwd xxz yyq zzb jjh ggf")
    obstacles = {query["id"]: query["obstacle"] for query in search.queries}
    assert (obstacles["output"], obstacles["output-meaning"]) == ("", "nothing_to_search_for")
    assert (
        "The search could not look for what the model answered, by its meaning: there is nothing in it to search for."
        in missing_sentences(search)
    )


def test_what_is_kept_of_a_request_holds_the_picture_encrypted(staff: Staff, tmp_path: Path) -> None:
    build(shelf(tmp_path))
    search = searched(staff, "copyright", work_picture=copy(7))
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT work_picture FROM requests_app_erasurerequest WHERE id = %s", [search.request_id])
        [stored] = cursor.fetchone()
    assert copy(7)[:40].encode() not in bytes(stored)
    assert not list(Path(configured.ARTEFACTS).rglob("*.png"))
