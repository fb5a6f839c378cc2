"""How well a linear probe tells the forget set from held-out examples by the inside of a network."""

from __future__ import annotations

from typing import ClassVar

from .membership import MembershipAttack


class Probe(MembershipAttack):
    """Compares the scores of a probe that was fitted to other examples, if every model has them."""

    name: ClassVar[str] = "probe"
    statistic: ClassVar[str] = "probe"
