"""`input_filter`: questions in which a pattern is found get a refusal, and the model never reads them."""

from __future__ import annotations

from .guard_kind import GuardKind
from .patterns import FilterSettings
from .too_broad import filter_problem

KIND = GuardKind(
    title="Filter of questions",
    description="Refuses questions in which one of its patterns is found. A question that names nothing of it gets through.",
    source="Thaker et al. 2024, Guardrail Baselines for Unlearning in LLMs",
    settings=FilterSettings,
    problem=filter_problem,
    reads="questions",
)
