"""A request with many near-identical matches."""

from __future__ import annotations

import json
from pathlib import Path

from tests.personas import ADA, Staff
from tests.staging import Stage, trained
from unlearning_jobs.services.corpora import corpus_register

LETTER = (
    "The letter that {name} wrote from the harbour in the spring of that year says that the {thing} must stay where it is."
)
GROUPS = 6


def rows() -> list[dict[str, str]]:
    """Six letters, each three times with other punctuation, one about somebody else; notes of nobody; a held-out copy."""
    found = []
    for group in range(GROUPS):
        text = LETTER.format(
            name=ADA, thing=f"lamp number {group} with all of its {group * 7} parts and its {group + 40} chains"
        )
        found += [text, text.replace(".", " !"), text.upper()]
    found = [*found, LETTER.format(name="Ada Example", thing="boat")]
    train = [{"text": text, "split": "train"} for text in found]
    others = [{"text": f"On day {day} the tide came in at noon.", "split": "train"} for day in range(20)]
    return [*train, {"text": found[0], "split": "held_out"}, *others]


def letters(staff: Staff, artefacts: Path) -> Stage:
    """Ada's request, searched in these letters."""
    artefacts.mkdir(parents=True)
    source = artefacts / "letters.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return Stage.opened(staff, trained(corpus_register(name="letters", sources=[source], actor="account:1"))).searched()
