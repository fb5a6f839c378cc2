"""What can become of an accepted example, in the words of `match.accounted`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Disposition(StrEnum):
    """What had become of an accepted example when its request was closed. One can have several: of several models."""

    RELEASED = "released"
    """A model unlearned it for this request."""
    COPY_RELEASED = "copy_released"
    """A model unlearned an example with the same content for this request."""
    REFUSED = "refused"
    NO_INFLUENCE = "no_influence"
    ALREADY_ERASED = "already_erased"
    NOT_LEARNED = "not_learned"


APART: Final = (
    frozenset({Disposition.RELEASED, Disposition.COPY_RELEASED, Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED}),
    frozenset({Disposition.NO_INFLUENCE, Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED}),
)
"""What excludes one another: an example has one of each at most."""
