"""The methods that act on concepts: editors, listed here, and those of examples that the catalogue names."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.catalogue import complete_concept_config
from unlearning_jobs.engine.contracts import MethodChoice, Recipe

from .by_examples import ByExamples
from .editing import Editing
from .memit import Memit
from .rome import Rome
from .task import ConceptMethod

EDITORS: Final[dict[str, type[Editing]]] = {editor.name: editor for editor in (Memit, Rome)}


def make_concept_method(choice: MethodChoice, recipe: Recipe) -> ConceptMethod:
    """Make the method that the choice names, with defaults for models of this recipe.

    Raises:
        SpecError: no such method acts on a concept, or an option of it is wrong.
    """
    config = complete_concept_config(choice.name, choice.config, recipe)
    if choice.name in EDITORS:
        return EDITORS[choice.name](**config)
    return ByExamples(MethodChoice(choice.name, config))
