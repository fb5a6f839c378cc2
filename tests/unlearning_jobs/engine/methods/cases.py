"""All methods that take steps of the common loop, on each kind of network that they work on."""

from __future__ import annotations

from unlearning_jobs.engine.catalogue import METHODS as CATALOGUE
from unlearning_jobs.engine.catalogue import complete_config
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.methods import METHODS, UnlearningMethod, make_method

FEW = {"steps": 2, "floor": "none", "epochs": 1, "oracles": 1, "teacher": "gradient_ascent"}
OTHER_LOOPS = {"certified_removal", "summation", "dp_sgd", "datamodel_matching", "nothing"}
"""Methods that take no steps of the common loop, or are refused under bfloat16."""
TRAINING = {"retrain", "sisa", "replay", "adapter_shards"}
"""Methods that train by the recipe, which has tests of its own here."""
FAMILIES = ("classifier", "text_classifier", "finetuned_classifier", "causal_lm", "finetuned_lm")
CASES = [
    (name, family)
    for name in METHODS
    if name not in OTHER_LOOPS | TRAINING
    for family in FAMILIES
    if family in CATALOGUE[name].families
]


def few_steps(name: str) -> UnlearningMethod:
    known = complete_config(name, {})
    return make_method(MethodChoice(name, {option: value for option, value in FEW.items() if option in known}))
