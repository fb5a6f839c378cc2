"""`prompt_guard`: an instruction before everything else that a model is asked (Thaker et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.matching.words import words

from .asked import Asked
from .guard_kind import GuardKind


@dataclass(frozen=True)
class PromptSettings(EngineContract):
    """What a prompt guard is made of."""

    instruction: str


def _problem(settings: PromptSettings) -> str:
    return "" if words(settings.instruction) else "its instruction holds no word."


def _rewrite(settings: PromptSettings, asked: Asked) -> Asked:
    return asked.with_instruction(settings.instruction)


KIND = GuardKind(
    title="Instruction to the model",
    description="Tells the model before every question what not to speak about. Whoever instructs it otherwise may win.",
    source="Thaker et al. 2024, Guardrail Baselines for Unlearning in LLMs",
    settings=PromptSettings,
    problem=_problem,
    rewrite=_rewrite,
)
