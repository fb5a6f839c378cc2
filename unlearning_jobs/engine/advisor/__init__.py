"""The method advisor: lists which methods can run on a model and forget set, in which order to consider them, and why.

It uses a table of rules (`ranking`) and measured costs (`cost_model`). It does not know how well a method will forget;
only the evaluation tells that. Nothing here imports torch or Django.
"""

from __future__ import annotations

from .cost_model import PRIOR_FACTOR, Estimate, Forecast, Measurement, Situation, correction, forecast, measure
from .ranking import REASONS, RULES, Advice, Rule, advise

__all__ = [
    "PRIOR_FACTOR",
    "REASONS",
    "RULES",
    "Advice",
    "Estimate",
    "Forecast",
    "Measurement",
    "Rule",
    "Situation",
    "advise",
    "correction",
    "forecast",
    "measure",
]
