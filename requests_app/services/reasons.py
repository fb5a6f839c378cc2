"""How much must be said: to a claimant who is refused, and to a colleague whose proposal is declined."""

from __future__ import annotations

from typing import Final

from django.utils.functional import lazy
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError

REASONS_AT_LEAST, REASONS_WORDS = 40, 6
"""Characters, and different words, of the sentences to a claimant: the shortest sentence that says what and why has as many.
More would make short truths longer, less would let a bare "no" through."""
EXPLANATION_AT_LEAST = 15
"""Characters of a line to a colleague, who can ask."""


def reasons_problem(text: str) -> str:
    """Return what is missing in reasons to a claimant; empty if nothing is."""
    words = text.split()
    if len(" ".join(words)) >= REASONS_AT_LEAST and len({word.casefold() for word in words}) >= REASONS_WORDS:
        return ""
    return _("Give the claimant your reasons in at least one whole sentence of %(n)d characters.") % {"n": REASONS_AT_LEAST}


def explanation_problem(text: str) -> str:
    """Return what is missing in an explanation to a colleague; empty if nothing is."""
    if len(" ".join(text.split())) >= EXPLANATION_AT_LEAST:
        return ""
    return _("Say why, in at least %(n)d characters.") % {"n": EXPLANATION_AT_LEAST}


REASONS_MISSING: Final = lazy(reasons_problem, str)("")
EXPLANATION_MISSING: Final = lazy(explanation_problem, str)("")
"""What a form says of an empty field, in the reader's language."""


def require_reasons(text: str) -> None:
    """Raise StaleStateError unless the text gives a claimant reasons."""
    if problem := reasons_problem(text):
        raise StaleStateError(problem)


def require_explanation(text: str) -> None:
    """Raise StaleStateError unless the text explains something to a colleague."""
    if problem := explanation_problem(text):
        raise StaleStateError(problem)
