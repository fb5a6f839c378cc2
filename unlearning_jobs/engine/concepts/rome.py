"""ROME: a rank-one edit of one matrix for every question (Meng et al. 2022, arXiv 2202.05262)."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .closed_forms import regularised, rome_update
from .editing import Editing, add, keys_of
from .places import places
from .task import Task
from .values import find_change


class Rome(Editing):
    """Edits one question after another: its key at the subject's last token gets the value that answers otherwise.

    The paper averages keys over texts before the question; here each wording is a question of its own, with its own key.
    """

    name: ClassVar[str] = "rome"

    def edit(self, model: TrainedModel, task: Task, on_progress: ProgressCallback) -> TrainedModel:
        """See `ConceptMethod`."""
        # 1. What to change, where, and what of the matrix is to stay.
        wanted, number = self.wishes(model, task), self.number(model, task)
        moment = regularised(task.moments.of_layer(model, number))
        edited = model.copy_to(task.device)
        place = places(edited)[number - 1]

        # 2. One rank-one update after another, each on what the earlier ones made.
        for done, wish in enumerate(wanted):
            on_progress(Progress("edit", done, len(wanted)))
            change = find_change(edited, wish, place.module, self.search).double().cpu()
            key = keys_of(edited, place, [wish])[:, 0]
            weight = place.weight.double().cpu()
            add(place, rome_update(weight, key, weight @ key + change, moment))
        on_progress(Progress("edit", len(wanted), len(wanted)))
        return edited
