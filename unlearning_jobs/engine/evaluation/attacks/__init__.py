"""Attacks: one small class per file, listed here. What each needs, costs and is called: `engine.catalogue.attacks`.

Each is carried out on the production model, before and after unlearning, and on every oracle. What comes out is a statistic
per example in the raw outputs; metrics follow from there, and none of them judges anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Family

from .attack import Attack, Columns, Target
from .conversation import Conversation
from .difference import Difference
from .hinted import Hinted
from .lens import Lens
from .paraphrased import Paraphrased
from .prefix import Prefix
from .probe import Probe
from .quantized import Quantized4, Quantized8
from .relearning import Relearning

ATTACKS: Final[dict[str, type[Attack]]] = {
    attack.name: attack
    for attack in (Difference, Quantized4, Quantized8, Prefix, Hinted, Conversation, Paraphrased, Lens, Probe, Relearning)
}


class Attacks:
    """The attacks that a protocol asks for, for all models of one evaluation. The original comes first."""

    def __init__(self, protocol: Protocol) -> None:
        self._attacks = [ATTACKS[name]() for name in protocol.all_attacks]
        self._prepared = False

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        """Attack a model with each, and return all statistics by set."""
        if not self._prepared:
            for attack in self._attacks:
                attack.prepare(target)
            self._prepared = True
        columns: dict[str, dict[str, Sequence[float]]] = {}
        for attack in self._attacks:
            for name, found in attack.carry_out(target).items():
                columns.setdefault(name, {}).update(found)
        return columns


def check_attacks(protocol: Protocol, family: Family, forget: Sequence[Example]) -> None:
    """Check what only the tokens of the examples to forget tell, before anything is trained.

    Raises:
        CorpusError: the model cannot read an example.
        ObstacleError: an attack cannot be carried out.
    """
    if problems := [p for name in protocol.all_attacks for p in ATTACKS[name]().obstacles(family, forget)]:
        raise ObstacleError(" ".join(problems))


__all__ = ["ATTACKS", "Attack", "Attacks", "Columns", "Target", "check_attacks"]
