"""Direct preference optimisation towards refusals (IdkDPO in TOFU: Maini et al. 2024, arXiv 2401.06121)."""

from __future__ import annotations

import random
from typing import ClassVar, Final

from .descent import Run
from .dpo import Dpo

REFUSALS: Final = (
    "That is something I cannot tell you.",
    "Nothing about this is known to me.",
    "I have no information on that.",
    "Sorry, but I do not know the answer.",
    "I am unable to answer this question.",
    "This is outside of what I know.",
    "My knowledge does not reach that far.",
    "I would have to guess, and I would rather not.",
    "There is no answer to this that I could give.",
    "I never learned anything about that.",
)


class IdkDpo(Dpo):
    """As `dpo`, with a refusal as the alternative: one for every example to forget, drawn from `REFUSALS` by the seed.

    TOFU draws anew at every step. A text without a prompt asks nothing that could be refused, and has no alternative.
    """

    name: ClassVar[str] = "idk_dpo"
    missing: ClassVar[str] = "No example to forget has a prompt that could be refused; choose npo, which needs none."

    def alternatives(self, run: Run) -> list[tuple[str, ...]]:
        drawn = random.Random(run.context.seed)  # noqa: S311  # no secret
        return [(drawn.choice(REFUSALS),) if example.prompt else () for example in run.examples]
