"""`few_shot_guard`: questions with refusals before the conversation, as a pattern to follow (Thaker et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.matching.words import words

from .asked import Asked
from .guard_kind import GuardKind


@dataclass(frozen=True)
class Shown(EngineContract):
    """A question, and the answer that it is to have."""

    question: str
    answer: str


@dataclass(frozen=True)
class FewShotSettings(EngineContract):
    """What a few-shot guard is made of."""

    examples: tuple[Shown, ...]


def _problem(settings: FewShotSettings) -> str:
    if not settings.examples:
        return "it shows no example."
    if not all(words(shown.question) and words(shown.answer) for shown in settings.examples):
        return "one of its examples has a question or an answer without a word."
    return ""


def _rewrite(settings: FewShotSettings, asked: Asked) -> Asked:
    return asked.with_examples([(shown.question, shown.answer) for shown in settings.examples])


KIND = GuardKind(
    title="Examples of refusals",
    description="Shows the model refused questions before every conversation. Whoever instructs it otherwise may win.",
    source="Thaker et al. 2024, Guardrail Baselines for Unlearning in LLMs",
    settings=FewShotSettings,
    problem=_problem,
    rewrite=_rewrite,
)
