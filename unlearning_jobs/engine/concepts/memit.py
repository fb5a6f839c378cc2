"""MEMIT: all questions at once, spread over several layers (Meng et al. 2023, arXiv 2210.07229)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .closed_forms import memit_update, regularised
from .editing import Editing, add, keys_of
from .places import places, states_at
from .task import Task
from .values import find_change


class Memit(Editing):
    """Looks for the states of the last edited layer that answer otherwise, and has every layer add a share of the way.

    Layers are edited one after another, and each works with the keys and states that the ones before it have left.
    """

    name: ClassVar[str] = "memit"

    def __init__(self, *, layers: int, preservation: float, **editing: Any) -> None:
        super().__init__(**editing)
        self.layers = layers
        self.preservation = preservation

    def edit(self, model: TrainedModel, task: Task, on_progress: ProgressCallback) -> TrainedModel:
        """See `ConceptMethod`."""
        # 1. What to change, and the layers: those up to the one that recalls.
        wanted, last = self.wishes(model, task), self.number(model, task)
        numbers = range(max(1, last - self.layers + 1), last + 1)
        total = len(wanted) + len(numbers)
        edited = model.copy_to(task.device)
        layer = edited.family.hidden_layers(edited.network)[last - 1]

        # 2. The states of the last of them that answer otherwise.
        targets = []
        for done, wish in enumerate(wanted):
            on_progress(Progress("edit", done, total))
            change = find_change(edited, wish, layer, self.search)
            targets.append(states_at(edited, layer, wish.ids)[0, wish.at] + change)

        # 3. Layer by layer, its share of what is still missing.
        for done, number in enumerate(numbers, start=len(wanted)):
            on_progress(Progress("edit", done, total))
            place = places(edited)[number - 1]
            states = [states_at(edited, layer, wish.ids)[0, wish.at] for wish in wanted]
            missing = torch.stack([target - state for target, state in zip(targets, states, strict=True)], dim=1)
            share = missing.double().cpu() / (last - number + 1)  # (size, edits)
            moment = regularised(task.moments.of_layer(model, number))
            add(place, memit_update(keys_of(edited, place, wanted), share, moment, self.preservation))
        on_progress(Progress("edit", total, total))
        return edited
