"""What an evaluation does not show: the facts about this run from which the sentences follow."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from compliance.formats.limits import Circumstances, has_power, limits_of
from unlearning_jobs.engine.catalogue import method_guarantee
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.contracts.families import describe_family

from .outputs import RESOLUTION, Outputs
from .power import minimum_detectable_effect


def limits(
    method: str | None,
    protocol: Protocol,
    family: str,
    outputs: Outputs,
    *,
    duplicates: int,
    metrics: Collection[str],
) -> tuple[str, ...]:
    """Return the limits of every evaluation, and those of this method, protocol and run.

    Args:
        method: its name; None if others made the models.
        protocol: the protocol.
        family: of the models.
        outputs: what the models answered.
        duplicates: how many retained examples repeat forget examples.
        metrics: names of those that are reported.
    """
    models, oracles = len(outputs.models("unlearned")), len(outputs.models("oracle"))
    effect = None
    if has_power(models, paired=outputs.paired):
        effect = minimum_detectable_effect(models, oracles, alpha=protocol.alpha_per_look)
    about = Circumstances(
        guarantee=None if method is None else method_guarantee(method),
        from_checkpoint=describe_family(family).starts_from_base,
        unlearned=models,
        oracles=oracles,
        paired=outputs.paired,
        seeds_matter=_seeds_matter(outputs),
        forget=len(outputs.ids["forget"]),
        duplicates=duplicates,
        metrics=frozenset(metrics),
        effect=effect,
    )
    return limits_of(protocol, about)


def _seeds_matter(outputs: Outputs) -> bool:
    """Return whether models that differ only in their seed differ by more than rounding."""
    if not outputs.models("oracle"):
        return True  # nothing shows otherwise
    oracles = outputs.matrix("oracle", "forget", "margin")
    return not np.allclose(oracles, oracles[0], rtol=RESOLUTION, atol=RESOLUTION)
