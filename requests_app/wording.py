"""Puts into words what became of what was found, and why a search failed. What was searched: `search_wording.py`.

Claimants, officers and letters read the same sentences. They come from the rows of `Ending` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

RUNS_USED_UP = "runs_used_up"
SEARCHED_AGAIN = "searched_again"
"""Why a sample was not drawn: another search has ended since it was ordered."""

HOW_WORDS: dict[str, object] = {
    "cluster": gettext_lazy("as one group of near-identical examples"),
    "shown": gettext_lazy("all that were shown"),
    "score": gettext_lazy("all from a score upwards"),
}


DECLARED: Final = "exact, as declared"
"""What an exact method does to a model that others made: nobody here knows that it was trained so."""


def search_error_words(code: str, runs: int) -> str:
    """Return why a search failed."""
    if code == RUNS_USED_UP:
        return ngettext(
            "Its process ended %(n)d time without a result. Often the machine has too little memory.",
            "Its process ended %(n)d times without a result. Often the machine has too little memory.",
            runs,
        ) % {"n": runs}
    return _("The search cannot be done (%(code)s). Ask an engineer to look at the log of the worker.") % {"code": code}


def done_sentences(released: Mapping[str, int]) -> list[str]:
    """Return what was done to models: to how many by each guarantee, or by DECLARED."""
    sentences = []
    if exact := released.get("exact", 0):
        sentences.append(
            ngettext(
                "%(n)d model was replaced by one such as its training gives without what we agreed to remove.",
                "%(n)d models were replaced by ones such as their training gives without what we agreed to remove.",
                exact,
            )
            % {"n": exact}
        )
    if declared := released.get(DECLARED, 0):
        sentences.append(
            ngettext(
                "%(n)d model that others had made was replaced by one that was trained by the recipe that they declared,"
                " without what we agreed to remove.",
                "%(n)d models that others had made were replaced by ones that were trained by the recipes that they"
                " declared, without what we agreed to remove.",
                declared,
            )
            % {"n": declared}
        )
    if certified := released.get("certified", 0):
        sentences.append(
            ngettext(
                "For %(n)d model, a mathematical proof limits how much its training can still be shaped by it. The model"
                " itself may be the same as before. The limit is in the report.",
                "For %(n)d models, a mathematical proof limits how much their training can still be shaped by it. The models"
                " themselves may be the same as before. The limits are in the reports.",
                certified,
            )
            % {"n": certified}
        )
    if empirical := released.get("empirical", 0):
        sentences.append(
            ngettext(
                "%(n)d model was changed until measurements placed it, within limits fixed beforehand, where models are"
                " that were trained without it. Smaller differences can remain, and nothing but these measurements shows"
                " how close it is.",
                "%(n)d models were changed until measurements placed them, within limits fixed beforehand, where models"
                " are that were trained without it. Smaller differences can remain, and nothing but these measurements"
                " shows how close they are.",
                empirical,
            )
            % {"n": empirical}
        )
    return sentences


FACTS: dict[str, Any] = {
    "already_erased": ngettext_lazy(
        "%(n)d passage that was found was on our list of what models must not learn, because of an earlier request: models"
        " in use have unlearned it or were trained without it.",
        "%(n)d passages that were found were on our list of what models must not learn, because of earlier requests: models"
        " in use have unlearned them or were trained without them.",
        "n",
    ),
    "not_learned": ngettext_lazy(
        "%(n)d passage that was found is in none of the training data that we have of models in use.",
        "%(n)d passages that were found are in none of the training data that we have of models in use.",
        "n",
    ),
    "no_influence": ngettext_lazy(
        "%(n)d passage that was found is in the training data of a model in use. We compared that model with models"
        " trained without it and could measure no influence, within limits fixed beforehand. We have left it in"
        " that model.",
        "%(n)d passages that were found are in the training data of a model in use. We compared that model with"
        " models trained without them and could measure no influence, within limits fixed beforehand. We have"
        " left them in that model.",
        "n",
    ),
    "not_concerned": ngettext_lazy(
        "%(n)d passage that we had counted among those of this request does not belong to it. Two people have checked this.",
        "%(n)d passages that we had counted among those of this request do not belong to it. Two people have checked this.",
        "n",
    ),
    "from_checkpoints": ngettext_lazy(
        "%(n)d model in use starts from another model, its checkpoint. We do not have the data that this was trained on:"
        " they were not searched, and the checkpoint was not changed. The model may know the same from there.",
        "%(n)d models in use start from other models, their checkpoints. We do not have the data that these were trained on:"
        " they were not searched, and the checkpoints were not changed. The models may know the same from there.",
        "n",
    ),
    "declared": ngettext_lazy(
        "%(n)d model in use was trained elsewhere. What it was trained on is what was declared to us; none of us"
        " watched that training.",
        "%(n)d models in use were trained elsewhere. What they were trained on is what was declared to us; none of"
        " us watched that training.",
        "n",
    ),
    "vocabularies": ngettext_lazy(
        "The vocabulary of %(n)d model in use, the list of parts of words and words that it reads with, was made"
        " from data that these passages are in. It can contain single words of them, such as a name. We have not"
        " changed it.",
        "The vocabularies of %(n)d models in use, the lists of parts of words and words that they read with,"
        " were made from data that these passages are in. They can contain single words of them, such as a"
        " name. We have not changed them.",
        "n",
    ),
}
"""What became of accepted examples that are in no item, or whose item lapsed, and what else is so of the models in use."""


ALREADY_ERASED_OR_DECLARED: Any = ngettext_lazy(
    "%(n)d passage that was found was on our list of what models must not learn, because of an earlier request: models"
    " in use have unlearned it, or were trained, or declared to us to have been trained, without it.",
    "%(n)d passages that were found were on our list of what models must not learn, because of earlier requests: models"
    " in use have unlearned them, or were trained, or declared to us to have been trained, without them.",
    "n",
)
"""Of `already_erased`, while a model in use was trained elsewhere: nobody here watched what that was trained without."""


def fact_sentences(facts: Mapping[str, int]) -> list[str]:
    """Return a sentence for each of these facts that is so of anything."""
    words = FACTS | ({"already_erased": ALREADY_ERASED_OR_DECLARED} if facts.get("declared") else {})
    return [str(words[name] % {"n": n}) for name in FACTS if (n := facts.get(name, 0))]
