"""What a job's specification has to say of the models that it begins with; engine and verification follow the same rules."""

from __future__ import annotations

from typing import Literal

from .assurances import Assurance


def specification_problem(
    kind: Literal["train", "unlearn", "import"],
    family: str,
    *,
    starts_from_base: bool,
    base: str,
    has_artefact: bool,
    assurance: Assurance,
    in_shards: bool,
) -> str:
    """Return why there can be no such job, in a sentence; empty if there can.

    Args:
        kind: what the job does.
        family: of its models.
        starts_from_base: whether models of that family start from a checkpoint.
        base: the folder of the checkpoint; empty if there is none.
        has_artefact: whether it names a model to import.
        assurance: how it is known what made the model that it begins with, or imports.
        in_shards: whether its recipe trains models in shards or stages.
    """
    if starts_from_base != bool(base):
        return (
            f"A {family} starts from random weights; leave base out."
            if base
            else f"A {family} starts from a checkpoint; name its folder as base."
        )
    if (kind == "import") != has_artefact:
        return "An import names its artefact, and no other job has one."
    if kind == "import" and not base:
        return (
            f"A {family} cannot be imported: its vocabulary and layers are made here, from the corpus; train"
            " it here. Models that start from a checkpoint can be imported."
        )
    if kind == "import" and in_shards:
        return "Models in shards or stages are trained here alone; leave sharding out of the recipe of an import."
    if (kind == "import" and assurance == "reproduced") or (kind == "train" and assurance != "reproduced"):
        return "What is imported is declared or behavioural, and what is trained here is reproduced; change the assurance."
    return ""
