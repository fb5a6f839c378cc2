"""The methods that act on concepts: editors and `whp`, listed here, and those of examples that the catalogue names."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.catalogue import complete_concept_config
from unlearning_jobs.engine.contracts import MethodChoice, Recipe
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import make_method

from .by_examples import ByExamples
from .editing import Editing
from .memit import Memit
from .rome import Rome
from .task import ConceptMethod, Task
from .whp import Whp

EDITORS: Final[dict[str, type[Editing]]] = {editor.name: editor for editor in (Memit, Rome)}


def make_concept_method(choice: MethodChoice, recipe: Recipe) -> ConceptMethod:
    """Make the method that the choice names, with defaults for models of this recipe.

    Raises:
        SpecError: no such method acts on a concept, or an option of it is wrong.
    """
    config = complete_concept_config(choice.name, choice.config, recipe)
    if choice.name in EDITORS:
        return EDITORS[choice.name](**config)
    if choice.name == Whp.name:
        return ByExamples(lambda task: Whp(task.names, neighbours_names(task), **config))
    return ByExamples(lambda task: make_method(MethodChoice(choice.name, config), task.training_data.recipe))


def neighbours_names(task: Task) -> list[str]:
    """Return the subjects of the neighbours that methods see.

    Raises:
        ObstacleError: there are none, so that nobody else could stand in a text.
    """
    if not task.neighbours:
        message = "No neighbour is left whose name could stand in place of the concept's; add neighbours."
        raise ObstacleError(message)
    return list(dict.fromkeys(probe.subject for probe in task.neighbours))
