"""`output_filter`: an answer ends where a pattern is found in it, and a refusal stands there instead."""

from __future__ import annotations

from .guard_kind import GuardKind
from .patterns import FilterSettings
from .too_broad import filter_problem

KIND = GuardKind(
    title="Filter of answers",
    description="Cuts an answer where one of its patterns begins. An encoded answer, as in base64, gets through.",
    source="Thaker et al. 2024, Guardrail Baselines for Unlearning in LLMs",
    settings=FilterSettings,
    problem=filter_problem,
    reads="answers",
)
