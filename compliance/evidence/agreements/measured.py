"""Facts about what the raw outputs are of: examples, models, and numbers wherever something is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from compliance.formats.record_kinds import RecordKind as K

from .contents import not_retained
from .entries import CORPUS_COUNTS
from .facts import Fact, Statement, of_report, words
from .raw_outputs import Place, RawOutputs
from .story import Story, ToldReport

SET_OF_COUNT = {"train": "retain", "held_out": "held_out"}


def _of_outputs(value: Callable[[RawOutputs, ToldReport], Any]) -> Callable[[ToldReport], Any]:
    return lambda told: None if told.outputs is None else value(told.outputs, told)


def places_of(told: ToldReport) -> set[Place]:
    """Return what the estimands are about. The first version judged every one that it had numbers for."""
    return {(one.examples, one.statistic) for one in told.protocol.estimands}


def _others(outputs: RawOutputs, _told: ToldReport) -> list[str]:
    """Return the examples of every set but that to forget; those in two sets stand there twice."""
    return sorted(example_id for name in outputs.sets if name != "forget" for example_id in outputs.ids(name))


def not_among(examples: list[str], gone: list[str]) -> bool:
    return len(set(examples)) == len(examples) and not set(examples) & set(gone)


def seeds_at_look(told: ToldReport, look: int) -> dict[str, list[int]] | None:
    """Return the seeds at a look: the production model and replicates, before and after, and the oracles.

    In the paired design, each of the unlearned models has an oracle of its seed, and all independent oracles are there from
    the first look.
    """
    if told.specification is None:
        return None
    protocol = told.specification.protocol
    unlearned = [told.specification.seed, *protocol.replicate_seeds][: protocol.unlearned_at(look)]
    oracles = protocol.oracle_seeds[: protocol.independent_oracles_at(look)]
    oracles = (*unlearned, *oracles) if protocol.paired else oracles
    seeds = {"original": sorted(unlearned), "unlearned": sorted(unlearned), "oracle": sorted(oracles)}
    return {group: ones for group, ones in seeds.items() if ones}


def protocol_seeds(told: ToldReport) -> dict[str, dict[str, list[int]]] | None:
    """Return those seeds for every set that was measured or that an estimand needs."""
    seeds = None if told.evaluation is None else seeds_at_look(told, told.evaluation.look)
    if seeds is None or told.outputs is None:
        return None
    needed = {"forget", "retain", *(name for name, _ in places_of(told))}
    needed |= set() if told.protocol.has_oracles else {"held_out"}
    return dict.fromkeys(sorted(needed | told.outputs.sets.keys()), seeds)


def _says_finite(told: ToldReport) -> bool | None:
    evaluation = told.evaluation
    return None if evaluation is None else evaluation.gap is not None or evaluation.twins is not None


def _sizes(outputs: RawOutputs, _told: ToldReport) -> dict[str, int]:
    return {name: len(outputs.ids(name)) for name in SET_OF_COUNT.values() if name in outputs.sets}


def _expected_sizes(story: Story) -> Iterator[Statement]:
    """How many examples the protocol has drawn from those that there are."""
    counts = dict(CORPUS_COUNTS.read(story))
    for attempt, told in story.reports.items():
        gone, of_corpus = not_retained(told), counts.get(words(attempt))
        if told.outputs is not None and gone is not None and isinstance(of_corpus, dict):
            there = of_corpus | {"train": of_corpus.get("train", 0) - len(gone)}
            most = {"train": told.protocol.max_retain_examples, "held_out": told.protocol.max_held_out_examples}
            yield (
                words(attempt),
                {name: min(there.get(count, 0), most[count]) for count, name in SET_OF_COUNT.items() if there.get(count)},
            )


def _held_out(story: Story) -> Iterator[Statement]:
    """Which examples were measured as retained, which in each set that is not learned from, and how many examples it has."""
    counts = dict(CORPUS_COUNTS.read(story))
    for attempt, told in story.reports.items():
        of_corpus = counts.get(words(attempt))
        if told.outputs is not None and isinstance(of_corpus, dict):
            measured = {name: told.outputs.ids(name) for name in sorted(told.outputs.sets.keys() - {"forget", "retain"})}
            yield words(attempt), {"measured": measured, "retain": told.outputs.ids("retain"), "counts": of_corpus}


def can_be_held_out(said: dict[str, list[str]], there: dict[str, Any]) -> bool:
    """Return whether examples can be in the sets that they are said to be in: measured there, or not measured at all."""
    measured = {example_id: name for name, ids in there["measured"].items() for example_id in ids}
    measured |= dict.fromkeys(there["retain"], "retain")
    return all(
        {measured.get(example_id, name) for example_id in ids} <= {name}
        and len(set(ids) - measured.keys()) <= there["counts"].get(name, 0) - len(there["measured"].get(name, ()))
        for name, ids in said.items()
    )


def _columns(*names: str) -> tuple[str, ...]:
    return tuple(f"examples.parquet {name}" for name in names)


MEASURED_FORGET = of_report(
    "examples.parquet example_id of the set forget",
    _of_outputs(lambda outputs, _told: outputs.ids("forget")),
    *_columns("example_id", "set"),
)
MEASURED_OTHERS = of_report(
    "examples.parquet example_id of the other sets", _of_outputs(_others), *_columns("example_id", "set")
)
MEASURED_SIZES = of_report("examples.parquet examples by set, counted", _of_outputs(_sizes), *_columns("example_id", "set"))
DRAWN_SIZES = Fact(
    f"{K.CORPUS_REGISTERED} counts, and how many of them the protocol draws",
    _expected_sizes,
    (*CORPUS_COUNTS.places, "report protocol"),
)
HELD_OUT = Fact(
    "examples.parquet example_id of the set held_out",
    _held_out,
    (*CORPUS_COUNTS.places, *_columns("example_id", "set")),
)
MEASURED_SEEDS = of_report(
    "examples.parquet seed by set and group",
    _of_outputs(lambda outputs, _told: outputs.seeds()),
    *_columns("seed", "group", "set"),
)
PROTOCOL_SEEDS = of_report(
    "the protocol's seeds at the look that decided",
    protocol_seeds,
    "spec.json seed",
    "spec.json protocol.replicate_seeds",
    "spec.json protocol.oracle_seeds",
    "spec.json protocol.design",
    "spec.json protocol.looks",
    "result.json evaluation.look",
)
FINITE = of_report(
    "examples.parquet, all numbers there and finite",
    _of_outputs(lambda outputs, told: outputs.are_finite(places_of(told))),
    *_columns("margin", "probability"),
)
SAYS_FINITE = of_report(
    "result.json evaluation.gap is stated", _says_finite, "result.json evaluation.gap", "result.json evaluation.twins"
)
GAP = of_report("examples.parquet margin, gap", _of_outputs(lambda outputs, _told: outputs.gap()), *_columns("margin"))
