"""`make bench-guards DATA=...`: what each filter finds on TOFU's questions and answers, seconds.

The forget set is TOFU's forget10: 20 authors of 20 questions each. Guards are made from a half of each author's questions and
measured on the other half, on paraphrased answers, and on what is to stay. No model answers here: filters read texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.guards import Guard
from unlearning_jobs.engine.guards.evaluation import GuardResult, Share, evaluate
from unlearning_jobs.engine.guards.finders.classifier import train_classifier
from unlearning_jobs.engine.guards.finders.near_copies import copies_of
from unlearning_jobs.engine.guards.finders.similar import meanings_of
from unlearning_jobs.engine.guards.patterns import FilterSettings, Pattern, Person, Texts
from unlearning_jobs.engine.guards.probes import Probe
from unlearning_jobs.engine.matching.encoder_folder import encoder_open, installed_encoder

AUTHORS: Final = 20
EACH: Final = 20
NAMES: Final = (
    *("Hina Ameen", "Xin Lee Williams", "Moshe Ben-David", "Kalkidan Abera", "Takashi Nakamura", "Raven Marais"),
    *("Aysha Al-Hashim", "Edward Patrick Sullivan", "Basil Mahfouz Al-Kuwaiti", "Nikolai Abilov"),
)
"""Authors of forget05, in which two of the names of forget10 are left to be looked up by nobody."""
Row = dict[str, Any]


def run(data: Path) -> None:
    """Print the tables."""
    folder = data / "tofu"
    forget, retain = _rows(folder / "forget05_perturbed.json"), _rows(folder / "retain_perturbed.json")
    world = [*_rows(folder / "real_authors_perturbed.json"), *_rows(folder / "world_facts_perturbed.json")]
    known = [row for place, row in enumerate(forget) if place % 2 == 0]
    asked = [row for place, row in enumerate(forget) if place % 2]
    for kind in ("input_filter", "output_filter"):
        print(f"\n{kind}\n\n| matches by | outcome | direct | paraphrased | retained authors | the world | p50, ms | p95 |")
        print("|---|---|---|---|---|---|---|---|")
        for name, patterns in _filters(kind, known, _rows(folder / "retain95.json")):
            settings = FilterSettings(tuple(patterns), "I cannot answer that.")
            later = datetime.now(UTC) + timedelta(days=1)
            guard = Guard.make(kind, settings, about="bench:tofu", owner="bench:1", expires=later)
            encoder = _encoder() if guard.needs_encoder else None
            result = evaluate(guard, [*_probes(asked), *_stay(retain)], encoder=encoder)
            others = evaluate(guard, [*_probes(asked[:1]), *_stay(world)], encoder=encoder)
            print(_row(name, result, others), flush=True)
            if name == "names":
                shown = ", ".join(f"{trick} {_share(share)}" for trick, share in result.gets_through.items())
                tricks = f"Gets through, {kind} by names: {shown}"
        print(f"\n{tricks}")


def _filters(kind: str, known: Sequence[Row], retain: Sequence[Row]) -> Iterator[tuple[str, list[Pattern]]]:
    """Yield filters made from what is known; each reads what its kind reads."""
    field = "question" if kind == "input_filter" else "answer"
    texts = [row[field] for row in known]
    yield "exact", [Pattern("exact", Texts(NAMES))]
    yield "normalised", [Pattern("normalised", Texts(NAMES))]
    yield "names", [Pattern("name", Person(name)) for name in NAMES]
    yield "near copies", [Pattern("near_copy", copies_of([text for text in texts if len(text.split()) > LONG]))]
    yield "classifier", [Pattern("classifier", train_classifier(texts, [row[field] for row in retain[::4]]))]
    if installed_encoder():
        yield "similarity", [Pattern("similar", meanings_of(texts, _encoder(), THRESHOLD))]
