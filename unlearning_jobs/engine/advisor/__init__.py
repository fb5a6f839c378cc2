"""The method advisor: lists which methods can run on a model and forget set, in which order to consider them, and why.

It uses a table of rules (`ranking`) and measured costs (`cost_model`). It does not know how well a method will forget;
only the evaluation tells that. It proposes the size of the evaluation (`design`) and says how likely that is to decide
(`outlook`). Nothing here imports torch or Django.
"""

from __future__ import annotations

from .cost_model import PRIOR_FACTOR, Estimate, Forecast, Measurement, Situation, correction, forecast, measure
from .design import DESIGN_REASONS, Design, Sizes, choose_design, design_of
from .outlook import Outlook, Precedent, outlook
from .placement import Placed, about_placement
from .ranking import REASONS, RULES, Advice, Rule, advise

__all__ = [
    "DESIGN_REASONS",
    "PRIOR_FACTOR",
    "REASONS",
    "RULES",
    "Advice",
    "Design",
    "Estimate",
    "Forecast",
    "Measurement",
    "Outlook",
    "Placed",
    "Precedent",
    "Rule",
    "Situation",
    "Sizes",
    "about_placement",
    "advise",
    "choose_design",
    "correction",
    "design_of",
    "forecast",
    "measure",
    "outlook",
]
