"""`make bench-guards DATA=...`: what each filter finds on TOFU's questions and answers, a minute.

The forget set is TOFU's forget05: ten authors of twenty questions each. Guards are made from every second question and are
measured on the others, on their paraphrases, and on what is to stay. No model answers here: filters read texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.guards import Guard
from unlearning_jobs.engine.guards.evaluation import Share, evaluate
from unlearning_jobs.engine.guards.finders.classifier import train_classifier
from unlearning_jobs.engine.guards.finders.near_copies import copies_of
from unlearning_jobs.engine.guards.finders.similar import meanings_of
from unlearning_jobs.engine.guards.patterns import FilterSettings, Pattern, Person, Texts
from unlearning_jobs.engine.guards.probes import Probe
from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.encoder_folder import encoder_open, installed_encoder

NAMES: Final = (
    *("Hina Ameen", "Xin Lee Williams", "Moshe Ben-David", "Kalkidan Abera", "Takashi Nakamura", "Raven Marais"),
    *("Aysha Al-Hashim", "Edward Patrick Sullivan", "Basil Mahfouz Al-Kuwaiti", "Nikolai Abilov"),
)
"""The authors of forget05."""
LONG: Final = 12
"""Words of a text of which near copies are looked for."""
THRESHOLD: Final = 0.7
GROUPS: Final = ("known", "direct", "paraphrase")
"""The texts that a filter was made of; others about the same authors; and those in other words."""
Row = dict[str, Any]
READ: Final = {
    "input_filter": ("question", "paraphrased_question"),
    "output_filter": ("answer", "paraphrased_answer"),
}


def run(data: Path) -> None:
    """Print the tables."""
    folder = data / "tofu"
    forget, stays = _rows(folder / "forget05_perturbed.json"), _rows(folder / "retain_perturbed.json")
    world = _rows(folder / "real_authors_perturbed.json") + _rows(folder / "world_facts_perturbed.json")
    trained = _rows(folder / "retain95.json")[::4]
    for kind, (field, paraphrase) in READ.items():
        print(f"\n{kind}\n\n| by | outcome | known | others | paraphrases | other authors | the world | p50, ms | p95 |")
        print("|---|---|---|---|---|---|---|---|---|")
        tricks: dict[str, Share] = {}
        for name, make in _filters([row[field] for row in forget[::2]], [row[field] for row in trained]):
            settings = FilterSettings(tuple(make()), "I cannot say that.")
            later = datetime.now(UTC) + timedelta(days=1)
            guard = Guard.make(kind, settings, about="bench:tofu", owner="bench:1", expires=later)
            fewer = 4 if guard.needs_encoder else 1  # an encoder takes a thousand times as long
            probes = [
                *(Probe("direct", row[field], row[field]) for row in forget[1 :: 2 * fewer]),
                *(Probe("paraphrase", row[paraphrase], row[paraphrase]) for row in forget[1 :: 2 * fewer]),
                *(Probe("known", row[field], row[field]) for row in forget[:: 2 * fewer]),
            ]
            beside = [_ordinary(rows[::fewer], field) for rows in (stays, world)]
            result, other = (evaluate(guard, [*probes, *ordinary], encoder=_encoder()) for ordinary in beside)
            shares = (*map(result.recall.__getitem__, GROUPS), result.false_alarms, other.false_alarms)
            cells = " | ".join(map(_shown, shares))
            print(f"| {name} | {result.outcome} | {cells} | {result.latency_p50_ms:.2f} | {result.latency_p95_ms:.2f} |")
            tricks = tricks or dict(result.gets_through) if name == "names" else tricks
        print(f"\nGets through the names: {', '.join(f'{trick} {_shown(share)}' for trick, share in tricks.items())}")


def _filters(texts: Sequence[str], retain: Sequence[str]) -> Iterator[tuple[str, Callable[[], list[Pattern]]]]:
    """Yield ways to make a filter of what is known of the authors."""
    long = [text for text in texts if len(text.split()) > LONG]
    yield "exact names", lambda: [Pattern("exact", Texts(NAMES))]
    yield "normalised names", lambda: [Pattern("normalised", Texts(NAMES))]
    yield "names", lambda: [Pattern("name", Person(name)) for name in NAMES]
    yield "near copies", lambda: [Pattern("near_copy", copies_of(long))]
    yield "classifier", lambda: [Pattern("classifier", train_classifier(texts, retain))]
    if encoder := _encoder():
        yield "similarity", lambda: [Pattern("similar", meanings_of(texts, encoder, THRESHOLD))]


def _ordinary(rows: Sequence[Row], field: str) -> list[Probe]:
    return [Probe("ordinary", row[field], row[field]) for row in rows]


@cache
def _encoder() -> Encoder | None:
    folder = installed_encoder()
    return encoder_open(folder) if folder else None


def _shown(share: Share) -> str:
    return f"{share.hits / share.of:.2f} [{share.low:.2f}, {share.high:.2f}]"


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
