"""Asks a model probes: what it answers by itself, and how likely it finds the answer that is asked about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, cast

import torch

from unlearning_jobs.engine.contracts.concepts import Instead, Probe, says
from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families.language import LanguageFamily, Sequences
from unlearning_jobs.engine.families.tokens import Encoded
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import generate, score

MOST_TOKENS: Final = 24
"""Of an answer that a model gives by itself."""
IMPOSSIBLE: Final = -1000.0
"""Stands for the logarithm of a probability of zero, which JSON has no number for."""


@dataclass(frozen=True)
class Answer(EngineContract):
    """What one model answered to one probe."""

    text: str
    """Its own answer; of a multiple choice, the choice that it finds likeliest."""
    given: bool
    """Whether that is the answer that the probe asks about."""
    as_asked: bool
    """Whether it is what is to be answered instead; anything but the answer, if that is left open."""
    log_probability: float
    """Of the answer that the probe asks about: mean over its tokens, natural logarithm."""
    drawn: tuple[str, ...] = ()
    """Answers that were drawn from the model; none to a multiple choice."""
    relearned: bool | None = None
    """Whether it gave the answer after it was trained on the probes that methods see; None if it was not asked."""
    lens_rank: int | None = None
    """The best place, from 1, of the answer's first token in the hidden layers before the last; None if not looked for."""


def language(model: TrainedModel) -> LanguageFamily:
    """Return the family of a model that answers in texts."""
    return cast("LanguageFamily", model.family)


def example_of(probe: Probe, answer: str | None = None) -> Example:
    """Return the probe as an example of a corpus, with its own answer or another one."""
    said = probe.answer if answer is None else answer
    if probe.kind != "cloze":
        return Example(probe.digest()[:16], "train", probe.prompt, said)
    return Example(probe.digest()[:16], "train", "", f"{probe.prompt} {said}".rstrip())


def encoded(model: TrainedModel, probe: Probe, answer: str | None = None) -> Encoded:
    """Return the tokens of a probe with its own answer or another one; the answer begins where the prompt ends.

    Raises:
        CorpusError: it is longer than the model reads.
    """
    family = language(model)
    [one] = family.encode([example_of(probe, answer)]).encoded
    if probe.kind != "cloze":
        return one
    last = len(one.ids) - 1  # the end of the text
    if answer == "":
        return Encoded(one.ids, last)
    asked = len(probe.prompt)
    start = max(n for n in range(last) if len(family.decode(one.ids[:n])) <= asked)
    return Encoded(one.ids, max(1, start))


def prompts_of(model: TrainedModel, probes: Sequence[Probe]) -> list[tuple[int, ...]]:
    """Return the tokens that ask each probe, without any answer."""
    return [one.ids[: one.start] for one in (encoded(model, probe) for probe in probes)]


def ask(model: TrainedModel, probes: Sequence[Probe], instead: Instead, *, samples: int = 0, seed: int = 0) -> list[Answer]:
    """Return what a model answers to every probe, with so many drawn answers to those that are no multiple choice.

    Raises:
        TrainingDivergedError: the model puts out what is no number.
    """
    likely = _log_probabilities(model, probes)
    if any(math.isnan(number) for numbers in likely for number in numbers):
        message = "The model puts out NaN instead of probabilities, so that nothing can be asked; it is destroyed."
        raise TrainingDivergedError(message)
    own = greedy(model, probes)
    drawn = _drawn(model, probes, samples, seed)
    answers = []
    for probe, numbers, text, texts in zip(probes, likely, own, drawn, strict=True):
        if probe.choices:
            chosen = max(range(len(numbers)), key=numbers.__getitem__)
            text = (probe.answer, *probe.choices)[chosen]  # noqa: PLW2901  # what the model chose is what it says
        given = says(text, probe.answer)
        asked = instead.answer(probe)
        as_asked = not given if asked is None else (says(text, asked) if asked else not text.strip())
        answers.append(Answer(text, given, as_asked, numbers[0], tuple(texts)))
    return answers


def greedy(model: TrainedModel, probes: Sequence[Probe]) -> list[str]:
    """Return the likeliest answer to every probe, token by token."""
    continued = generate(model, prompts_of(model, probes), MOST_TOKENS)
    return [language(model).decode(ids).strip() for ids in continued]


def _drawn(model: TrainedModel, probes: Sequence[Probe], samples: int, seed: int) -> list[list[str]]:
    generator = torch.Generator().manual_seed(seed)
    texts: list[list[str]] = [[] for _ in probes]
    places = [place for place, probe in enumerate(probes) if not probe.choices]
    prompts = prompts_of(model, [probes[place] for place in places])
    for _ in range(samples):
        for place, ids in zip(places, generate(model, prompts, MOST_TOKENS, generator), strict=True):
            texts[place].append(language(model).decode(ids).strip())
    return texts


def _log_probabilities(model: TrainedModel, probes: Sequence[Probe]) -> list[list[float]]:
    """Return, for each probe, the mean log-probability of the tokens of its answer and of its choices, without the end."""
    asked = [(probe, answer) for probe in probes for answer in (probe.answer, *probe.choices)]
    data = Sequences(tuple(encoded(model, probe, answer) for probe, answer in asked), language(model).end)
    means = [float(one.log_probability[:-1].mean()) for one in score(model, data)]
    numbers = iter([max(mean, IMPOSSIBLE) for mean in means])  # in this order, NaN stays NaN
    return [list(islice(numbers, 1 + len(probe.choices))) for probe in probes]
