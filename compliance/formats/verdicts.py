"""What a method guarantees, and what a protocol may conclude. These words are in signed statements and never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from .contracts import Contract

Guarantee = Literal["exact", "certified", "empirical", "suppression", "control"]
"""exact: training without the examples could have given the result. certified: a stated bound holds. empirical: only the
evaluation says how close it came. suppression: the weights are unchanged. control: no unlearning; its verdict is known
beforehand."""
Outcome = Literal["passed", "failed", "inconclusive", "no_influence"]
"""no_influence: doing nothing could not be told from retraining; nothing is said about the method."""
Direction = Literal["undershot", "overshot"]
"""undershot: the examples are still better known than to retrained models. overshot: they are known less well."""

GUARANTEES: Final[tuple[Guarantee, ...]] = get_args(Guarantee)
"""Strongest first."""
METHOD_GUARANTEES: Final[Mapping[str, Guarantee]] = {
    "retrain": "exact",
    "summation": "exact",
    "sisa": "exact",
    "replay": "exact",
    "adapter_shards": "exact",
    "certified_removal": "certified",
    "dp_sgd": "certified",
    "npo": "empirical",
    "gradient_difference": "empirical",
    "gradient_ascent": "empirical",
    "kl_retain": "empirical",
    "rmu": "empirical",
    "simnpo": "empirical",
    "dpo": "empirical",
    "idk_dpo": "empirical",
    "wga": "empirical",
    "satimp": "empirical",
    "ceu": "empirical",
    "undial": "empirical",
    "pdu": "empirical",
    "finetune_retain": "empirical",
    "noise_finetune": "empirical",
    "scrub": "empirical",
    "partial_reset": "empirical",
    "salun": "empirical",
    "task_vector": "empirical",
    "distil_noised": "empirical",
    "bad_teaching": "empirical",
    "datamodel_matching": "empirical",
    "oracle_matching": "empirical",
    "nothing": "control",
}
"""What each method guarantees. The engine's catalogue says the same, and verification accepts nothing else. A method that
is taken out of the catalogue stays here, for the evidence about it."""

METHODS_ADDED: Final[Mapping[int, frozenset[str]]] = {
    3: frozenset({"rmu", "simnpo", "dpo", "idk_dpo", "wga", "satimp", "ceu", "undial", "pdu", "task_vector"}),
    4: frozenset({"replay", "adapter_shards", "distil_noised", "bad_teaching"}),
}
"""Methods that came later, by the version of results (`RESULT_VERSION`) of that time."""

KEEPS_WEIGHTS: Final = frozenset({"dp_sgd", "nothing"})
"""Methods that leave the weights of a model as they are."""


@dataclass(frozen=True)
class Reason(Contract):
    """Why the verdict is what it is: a code for translation, and an English sentence."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Verdict(Contract):
    """What the protocol concludes from the measurements, and from nothing else."""

    outcome: Outcome
    direction: Direction | None
    reasons: tuple[Reason, ...]
