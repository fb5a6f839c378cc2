"""Facts of CounterFact that a pretrained model knows, and what it makes of them (Meng et al. 2022, arXiv 2202.05262)."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import torch

from unlearning_jobs.engine.concepts.asking import encoded, language, prompts_of
from unlearning_jobs.engine.concepts.attacks import lens_ranks
from unlearning_jobs.engine.contracts.concepts import Probe, says
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import generate, score

ASKED_AT_ONCE: Final = 50
FIRST_WORDS: Final = 8
"""Tokens in which an answer must be given."""
GENERATED: Final = 60
"""Tokens of a text whose fluency is measured."""
LOOKED_INTO: Final = 20
"""Facts of an edit whose hidden layers are read, and whose subjects are written about."""
SAW: Final = 5
"""A hidden layer gives an answer away if its first token is among so many of the likeliest."""


@dataclass(frozen=True)
class Fact:
    """A fact in the data set's words: two prompts that it completes, and one about another subject, which must stay."""

    subject: str
    true: Probe
    new: Probe
    rephrased: Probe
    rephrased_new: Probe
    neighbour: Probe
    neighbour_new: Probe


@dataclass(frozen=True)
class Measured:
    """What an edited model makes of the facts that were edited. Shares, and the entropy of what it writes."""

    new_likelier: float
    """Of the facts, asked as they were edited: how many have the new answer likelier than the true one."""
    new_likelier_rephrased: float
    true_likelier_of_neighbours: float
    true_given: float
    """How many true answers are still given, word by word the likeliest."""
    true_given_rephrased: float
    neighbours_given: float
    fluency: float
    lens: float
    """Of the true answers: how many a hidden layer before the last gives away."""


def known_facts(model: TrainedModel, data: Path, most: int) -> list[Fact]:
    """Return facts that the model completes rightly by itself, in the data set's order."""
    known = list[Fact]()
    facts = _facts(data)
    while len(known) < most and (asked := list(islice(facts, ASKED_AT_ONCE))):
        given = _is_given(model, [fact.true for fact in asked])
        known += [fact for fact, is_known in zip(asked, given, strict=True) if is_known]
    return known[:most]


def other_texts(data: Path, edited: Sequence[Fact], most: int) -> list[str]:
    """Return texts of the data set that name no edited subject: what an edit must leave alone."""
    subjects = {fact.subject.casefold() for fact in edited}
    texts = (
        f"{fact.rephrased.prompt} {fact.true.answer}" for fact in _facts(data) if fact.subject.casefold() not in subjects
    )
    return list(islice((text for text in texts if not any(subject in text.casefold() for subject in subjects)), most))


def measure(model: TrainedModel, facts: Sequence[Fact]) -> Measured:
    """Ask a model about these facts."""
    looked = facts[:LOOKED_INTO]
    ranks = [rank for rank in lens_ranks(model, [fact.true for fact in looked]) if rank is not None]
    return Measured(
        new_likelier=_likelier(model, [(fact.new, fact.true) for fact in facts]),
        new_likelier_rephrased=_likelier(model, [(fact.rephrased_new, fact.rephrased) for fact in facts]),
        true_likelier_of_neighbours=_likelier(model, [(fact.neighbour, fact.neighbour_new) for fact in facts]),
        true_given=_given(model, [fact.true for fact in facts]),
        true_given_rephrased=_given(model, [fact.rephrased for fact in facts]),
        neighbours_given=_given(model, [fact.neighbour for fact in facts]),
        fluency=_fluency(model, [fact.subject for fact in looked]),
        lens=sum(rank <= SAW for rank in ranks) / len(ranks),
    )


def _facts(data: Path) -> Iterator[Fact]:
    """Yield the facts whose prompts do not give an answer away."""
    for row in json.loads((data / "counterfact" / "counterfact-edit.json").read_text(encoding="utf-8")):
        true, new = row["ground_truth"], row["target_new"]
        try:
            yield Fact(
                row["subject"],
                true=_probe(row["prompt"], true),
                new=_probe(row["prompt"], new),
                rephrased=_probe(row["rephrase_prompt"], true),
                rephrased_new=_probe(row["rephrase_prompt"], new),
                neighbour=_probe(row["locality_prompt"], row["locality_ground_truth"]),
                neighbour_new=_probe(row["locality_prompt"], new),
            )
        except SpecError:
            continue


def _probe(prompt: str, answer: str) -> Probe:
    return Probe(prompt, answer, "cloze", "fact")


def _likelier(model: TrainedModel, pairs: Sequence[tuple[Probe, Probe]]) -> float:
    asked = [probe for pair in pairs for probe in pair]
    data = Sequences(tuple(encoded(model, probe) for probe in asked), language(model).end)
    means = [float(one.log_probability[:-1].mean()) for one in score(model, data)]
    return float(np.mean([first > second for first, second in zip(means[::2], means[1::2], strict=True)]))


def _given(model: TrainedModel, probes: Sequence[Probe]) -> float:
    return float(np.mean(_is_given(model, probes)))


def _is_given(model: TrainedModel, probes: Sequence[Probe]) -> list[bool]:
    """Return whether the first words that the model goes on with hold the answer; later ones are about something else."""
    answers = generate(model, prompts_of(model, probes), FIRST_WORDS)
    return [says(language(model).decode(ids), probe.answer) for probe, ids in zip(probes, answers, strict=True)]


def _fluency(model: TrainedModel, subjects: Sequence[str]) -> float:
    """Return the mean of the weighted entropies of two and three words, times 100, as in the paper; low for babble."""
    probes = [Probe(f"{subject} is", "?", "cloze", "fact") for subject in subjects]
    drawn = generate(model, prompts_of(model, probes), GENERATED, torch.Generator().manual_seed(0))
    words = [language(model).decode(ids).split() for ids in drawn]
    return 100 * float(np.mean([2 / 3 * _entropy(text, 2) + 4 / 3 * _entropy(text, 3) for text in words]))


def _entropy(words: Sequence[str], length: int) -> float:
    counts = Counter(tuple(words[i : i + length]) for i in range(len(words) - length + 1))
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0
