"""Families of models: one class per file, listed here. `contracts.families` says how to add one."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Final, cast

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import SnapshotInfo

from .family import Batch, Dataset, Family, Footprint, Predictions

FAMILIES: Final[dict[str, str]] = {
    "causal_lm": f"{__name__}.causal_lm:CausalLmFamily",
    "finetuned_lm": f"{__name__}.finetuned_lm:FinetunedLmFamily",
    "text_classifier": f"{__name__}.text_classifier:TextClassifierFamily",
    "finetuned_classifier": f"{__name__}.finetuned_classifier:FinetunedClassifierFamily",
    "classifier": f"{__name__}.classifier:ClassifierFamily",
    "logistic": f"{__name__}.logistic:LogisticFamily",
    "summation": f"{__name__}.summation:SummationFamily",
}
"""Where the class of each family is. Processes load those that their recipes name: the libraries of some load slowly."""


def family_class(name: str) -> type[Family]:
    """Return the class of a family."""
    return cast("type[Family]", resolve_name(FAMILIES[name]))


def footprint(recipe: Recipe, info: SnapshotInfo) -> Footprint:
    """Return the size of the recipe's model on this snapshot.

    Raises:
        CorpusError: the snapshot holds another kind of data than the recipe reads.
        SpecError: the recipe names something that does not exist.
    """
    return family_class(recipe.family).footprint(recipe, info)


__all__ = ["FAMILIES", "Batch", "Dataset", "Family", "Footprint", "Predictions", "family_class", "footprint"]
