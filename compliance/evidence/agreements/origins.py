"""Facts about what the model of a run came from: the checkpoint that it started from, and how it is known what made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compliance.formats.record_kinds import RecordKind as K

from .facts import Fact, Statement, of_report, words
from .story import Story, ToldReport

NONE = ""
"""The checkpoint of models that start from random weights."""
REPRODUCED = "reproduced"
"""The assurance of models that were trained here; of all, until others could be imported."""


def _registered(field: str, otherwise: str) -> Fact:
    """Return a field of the entry that registered the model of each run; entries of earlier versions do not have it."""

    def read(story: Story) -> Iterator[Statement]:
        for attempt in story.reports:
            if (entry := story.base_of(attempt)) is not None:
                yield words(attempt), entry.data.get(field, otherwise)

    return Fact(f"{K.MODEL_REGISTERED} {field}", read, (f"{K.MODEL_REGISTERED} {field}",))


def _named_in_the_recipe(told: ToldReport) -> Any:
    if told.specification is None:
        return None
    architecture = told.specification.recipe.get("architecture")
    return architecture.get("base_sha256", NONE) if isinstance(architecture, Mapping) else NONE


CHECKPOINT_OF_BASE = _registered("checkpoint_sha256", NONE)
CHECKPOINT_OF_RECIPE = of_report("spec.json recipe, its checkpoint", _named_in_the_recipe, "spec.json recipe")
ASSURANCE_OF_PROTOCOL = of_report("report protocol.assurance", lambda told: told.protocol.assurance, "report protocol")
ASSURANCE_OF_BASE = _registered("assurance", REPRODUCED)
ASSURANCE = of_report(
    "spec.json assurance",
    lambda told: None if told.specification is None else told.specification.assurance,
    "spec.json assurance",
)
