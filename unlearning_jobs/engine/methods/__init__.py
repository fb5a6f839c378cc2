"""Unlearning methods: one small class per file, listed here.

A method is added in these places, and in no other code:

1. `methods/<name>.py`: its class (see `context.UnlearningMethod`), and its line below;
2. `catalogue/`: its entry, in the table of its guarantee.

The conformance tests then run it. `tests/unlearning_jobs/engine/methods/test_adding_a_method.py` adds one in just this way.
"""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.catalogue import complete_config
from unlearning_jobs.engine.contracts import MethodChoice, Recipe

from .adapter_shards import AdapterShards
from .bad_teaching import BadTeaching
from .certified_removal import CertifiedRemoval
from .ceu import CeU
from .context import CertifiedMethod, Context, ExampleCounter, MarginCallback, Prepared, UnlearningMethod, unnoted
from .datamodel_matching import DatamodelMatching
from .distil_noised import DistilNoised
from .dp_sgd import DpSgd
from .dpo import Dpo
from .finetune_retain import FinetuneRetain
from .gradient_ascent import GradientAscent
from .gradient_difference import GradientDifference
from .idk_dpo import IdkDpo
from .kl_retain import KlRetain
from .noise_finetune import NoiseFinetune
from .nothing import Nothing
from .npo import Npo
from .oracle_matching import OracleMatching
from .partial_reset import PartialReset
from .pdu import Pdu
from .replay import Replay
from .retrain import Retrain
from .rmu import Rmu
from .salun import Salun
from .satimp import SatImp
from .scrub import Scrub
from .simnpo import SimNpo
from .sisa import Sisa
from .summation import Summation
from .task_vector import TaskVector
from .undial import Undial
from .wga import Wga

METHODS: Final[dict[str, type[UnlearningMethod]]] = {
    method.name: method
    for method in (
        Retrain,
        Summation,
        Sisa,
        Replay,
        AdapterShards,
        CertifiedRemoval,
        DpSgd,
        Npo,
        GradientDifference,
        GradientAscent,
        KlRetain,
        Rmu,
        SimNpo,
        Dpo,
        IdkDpo,
        Wga,
        SatImp,
        CeU,
        Undial,
        Pdu,
        FinetuneRetain,
        NoiseFinetune,
        Scrub,
        PartialReset,
        Salun,
        TaskVector,
        DistilNoised,
        BadTeaching,
        DatamodelMatching,
        OracleMatching,
        Nothing,
    )
}


def make_method(choice: MethodChoice, recipe: Recipe | None = None) -> UnlearningMethod:
    """Make the method that the choice names. Options that it leaves out get their defaults for models of this recipe.

    Raises:
        SpecError: there is no such method or option, or a value is out of range.
    """
    config = complete_config(choice.name, choice.config, recipe)
    method = METHODS[choice.name](**config)
    if isinstance(method, DistilNoised):
        method.make = make_method  # it unlearns by another method first, and the table holds both
    return method


__all__ = [
    "METHODS",
    "CertifiedMethod",
    "Context",
    "ExampleCounter",
    "MarginCallback",
    "Prepared",
    "UnlearningMethod",
    "make_method",
    "unnoted",
]
