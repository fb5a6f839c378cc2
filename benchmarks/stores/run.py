"""`make bench-stores`: 100 planted documents among 2,000 in each kind of store, found, erased, and looked for.

    make bench-stores

Vectors are those of all-MiniLM-L6-v2 if it is installed (requirements-meaning.txt), and random ones otherwise. Each store is
planted twice: in the first, the engine's own delete is all that is done, and the bytes are read back; in the second, the
documents are erased. A kind whose package is not installed is left out, and said to be. PostgreSQL is a server of its own.
Everything lies under var/bench/stores, anew each time; `STORES=chroma,faiss` measures some of them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from compliance.local.services import database_start
from unlearning_jobs.engine.matching.encoder_folder import installed_encoder
from unlearning_jobs.engine.stores import erase, find_documents, spec_from
from unlearning_jobs.engine.stores.erasure import opened, read_everything
from unlearning_jobs.engine.stores.finding import encoder_of
from unlearning_jobs.engine.stores.spec import StoreSpec
from unlearning_jobs.engine.stores.store import Document, Vector

from .people import people
from .planting import MAKERS, plant, planted

VAR: Final = Path("var/bench/stores")
DOCUMENTS: Final = 2000
SOUGHT: Final = 100
NEAR: Final = 10
ONLY_OURS: Final = ("folder", "dataset")
"""Stores without a server or library of their own that deletes."""
HEADER: Final = (
    "| store | engine | found before | own delete: residue | after: bytes | after: answers | outcome | find | erase"
    " | read back | all, s per 1,000 |"
)


def run(_data: Path) -> None:
    os.environ["DATABASE_URL"] = os.environ.get("BENCH_DATABASE_URL") or database_start(
        VAR / "postgres", name="bench_stores"
    )
    documents, questions, encoder = _documents()
    print(f"{DOCUMENTS} documents, {SOUGHT} planted, vectors of {'all-MiniLM-L6-v2' if encoder else 'random numbers'}\n")
    print(HEADER)
    print("|" + "---|" * (HEADER.count("|") - 1), flush=True)
    for kind in os.environ.get("STORES", ",".join(MAKERS)).split(","):
        print(_row(kind, documents, questions, encoder), flush=True)


def _documents() -> tuple[list[Document], list[str], Path | None]:
    """Return documents about one invented person each, a question about each of the first, and the encoder used."""
    about = people(DOCUMENTS)
    documents = [replace(one, text=person.text) for one, person in zip(planted(DOCUMENTS), about, strict=True)]
    encoder = installed_encoder()
    if encoder is not None:
        with encoder_of(encoder) as opened_encoder:
            vectors = opened_encoder.encode([one.text for one in documents])
        documents = [replace(one, vector=vector) for one, vector in zip(documents, vectors, strict=True)]
    return documents, [person.question for person in about[:SOUGHT]], encoder


def _row(kind: str, documents: Sequence[Document], questions: Sequence[str], encoder: Path | None) -> str:
    sought = documents[:SOUGHT]
    # Not as names, for the search for names forgives typing errors, and some of these people are a letter or two apart.
    queries = [{"kind": "exact", "value": person.name} for person in people(DOCUMENTS)[:SOUGHT]]
    more = {"encoder": str(encoder), "paraphrases": list(questions)} if encoder else {}

    def spec(folder: Path) -> StoreSpec:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return spec_from({"store": plant(kind, folder, documents), "find": {"queries": queries}, **more})

    try:
        before, own = _own_delete(spec(VAR / "own"), sought, questions, encoder)
    except ImportError:
        return f"| {kind} | not installed |"
    own = "–" if kind in ONLY_OURS else own
    return f"| {kind} | {_erased(spec(VAR / 'erased'), before, own)} |"


def _own_delete(
    spec: StoreSpec, sought: Sequence[Document], questions: Sequence[str], encoder: Path | None
) -> tuple[str, str]:
    """Return how many are near before anything is done, and what the engine's own delete leaves."""
    keys = {document.key for document in sought}
    with opened(spec) as store:
        answers = ""
        if store.describe().searches:
            vectors = _near(store.nearest, [one.vector for one in sought if one.vector is not None], keys)
            asked = _encoded(encoder, questions)
            answers = f", {vectors} by vector, {_near(store.nearest, asked, keys)} by paraphrase"
        store.delete(keys)
        read = read_everything(store, spec, list(sought))
    dirty = [place for place in read["places"] if place["texts"] or place["vectors"]]
    texts, vectors = (sum(place[what] for place in dirty) for what in ("texts", "vectors"))
    return answers, f"{len(dirty)} of {len(read['places'])} places: {texts:,} texts, {vectors:,} vectors"


def _encoded(encoder: Path | None, questions: Sequence[str]) -> list[Vector]:
    if encoder is None:
        return []
    with encoder_of(encoder) as opened_encoder:
        return list(opened_encoder.encode(list(questions)))


def _near(nearest: Callable[[Vector, int], list[str]], vectors: Sequence[Vector], keys: set[str]) -> int:
    return len({key for vector in vectors for key in nearest(vector, NEAR)} & keys)


def _erased(spec: StoreSpec, before: str, own: str) -> str:
    job = VAR / "job"
    shutil.rmtree(job, ignore_errors=True)
    begin = time.monotonic()
    listing = find_documents(spec, job)
    result = erase(spec, job, listing.digest)
    every = time.monotonic() - begin
    seconds, asked = result["seconds"], result["asked_again"]
    dirty = sum(bool(place["texts"] or place["vectors"]) for place in result["places"])
    answers = sum(asked[way] for way in ("by_key", "found_again", "by_vector", "by_paraphrase"))
    outcome = result["verdict"]["outcome"]
    return " | ".join(
        [
            result["engine"],
            f"{listing.count} of {SOUGHT}{before}",
            own,
            f"{dirty} of {len(result['places'])} places",
            f"{answers} of {_asked(asked)}",
            outcome,
            *(
                f"{_thousand(seconds, steps):.1f}"
                for steps in (("find", "list"), ("delete", "rebuild", "compare"), ("read_back",))
            ),
            f"{every / DOCUMENTS * 1000:.1f}",
        ]
    )


def _asked(asked: Mapping[str, Any]) -> int:
    """Return how many questions were asked: each key, each search once more, each vector and each paraphrase."""
    return 2 * SOUGHT + int(asked["vectors_asked"]) + int(asked["paraphrases_asked"])


def _thousand(seconds: Mapping[str, float], steps: Sequence[str]) -> float:
    return sum(seconds[step] for step in steps) / DOCUMENTS * 1000
