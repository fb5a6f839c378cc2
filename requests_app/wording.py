"""Puts into words what was searched, what could not be and why, and what became of what was found.

Claimants, officers and letters read the same sentences. They come from the rows of `Search` and `Ending` alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .models import Search

OBSTACLES: dict[str, object] = {
    "nothing_to_search_for": gettext_lazy("it contains no letters or digits"),
    "single_word": gettext_lazy("it is a single word, which could not be searched for as a name"),
    "script_without_spaces": gettext_lazy("it is written without spaces between words, and the search looks for words"),
    "not_an_identifier": gettext_lazy("it is neither an e-mail address, nor an account name, nor a web address"),
}


def query_words(query_id: str) -> str:
    """Return what a query asks for, without its words."""
    names = {"name": _("the name"), "email": _("the e-mail address"), "work": _("the text of the work")}
    if query_id in names:
        return names[query_id]
    return _("other name or account number %(n)s") % {"n": query_id.removeprefix("other-")}


def searched_sentences(search: Search | None) -> list[str]:
    """Return what a search covered."""
    if search is None:
        return []
    queries = [query_words(query["id"]) for query in search.queries if not query["obstacle"]]
    count = sum(target["outcome"] != Search.Target.UNREADABLE for target in search.targets)
    if not queries or not count:
        return [_("Nothing could be searched.")]
    sentence = ngettext(
        "The training data of %(n)d model in use was searched on %(day)s for: %(queries)s.",
        "The training data of %(n)d models in use was searched on %(day)s for: %(queries)s.",
        count,
    )
    day = date_format(localtime(search.finished_at), "DATE_FORMAT")
    return [sentence % {"n": count, "day": day, "queries": "; ".join(queries)}]


def missing_sentences(search: Search | None) -> list[str]:
    """Return what a search did not cover, and why; empty if it covered everything."""
    if search is None:
        return [_("What was searched was not kept.")]
    outcomes = [target["outcome"] for target in search.targets]
    sentences = [] if outcomes else [_("No model was in use, so there was no training data to search.")]
    if unreadable := outcomes.count(Search.Target.UNREADABLE):
        sentences.append(
            ngettext(
                "The training data of %(n)d model in use could not be read.",
                "The training data of %(n)d models in use could not be read.",
                unreadable,
            )
            % {"n": unreadable}
        )
    if Search.Target.TEXTS_ONLY in outcomes:
        sentences.append(_("Of images and tables, the search read the texts beside them, not their contents."))
    return sentences + [
        _("The search could not look for %(query)s: %(why)s.")
        % {"query": query_words(query["id"]), "why": OBSTACLES.get(query["obstacle"], query["obstacle"])}
        for query in search.queries
        if query["obstacle"]
    ]


def done_sentences(released: Mapping[str, int]) -> list[str]:
    """Return what was done to models, by what the methods guarantee (guarantee -> number of models)."""
    sentences = []
    if exact := released.get("exact", 0):
        sentences.append(
            ngettext(
                "%(n)d model was replaced by one as it would be if it had never learned from it.",
                "%(n)d models were replaced by ones as they would be if they had never learned from it.",
                exact,
            )
            % {"n": exact}
        )
    if certified := released.get("certified", 0):
        sentences.append(
            ngettext(
                "For %(n)d model, a mathematical proof limits how much it can still be shaped by it. The model itself may be"
                " the same as before. The limit is in the report.",
                "For %(n)d models, a mathematical proof limits how much they can still be shaped by it. The models"
                " themselves may be the same as before. The limits are in the reports.",
                certified,
            )
            % {"n": certified}
        )
    if empirical := released.get("empirical", 0):
        sentences.append(
            ngettext(
                "%(n)d model was changed until measurements placed it, within limits fixed beforehand, where models are"
                " that never saw it. Smaller differences can remain, and nothing but these measurements shows how close"
                " it is.",
                "%(n)d models were changed until measurements placed them, within limits fixed beforehand, where models"
                " are that never saw it. Smaller differences can remain, and nothing but these measurements shows how"
                " close they are.",
                empirical,
            )
            % {"n": empirical}
        )
    return sentences


def fact_sentences(facts: Mapping[str, int]) -> list[str]:
    """Return what became of accepted examples that are in no item, or whose item lapsed."""
    sentences = []
    if erased := facts["already_erased"]:
        sentences.append(
            ngettext(
                "%(n)d passage that was found had been erased before: the model has unlearned it or was trained without it.",
                "%(n)d passages that were found had been erased before: the models have unlearned them or were trained"
                " without them.",
                erased,
            )
            % {"n": erased}
        )
    if not_learned := facts["not_learned"]:
        sentences.append(
            ngettext(
                "%(n)d passage that was found needs no unlearning: the model never learned from it, or is no longer in use.",
                "%(n)d passages that were found need no unlearning: the models never learned from them, or are no longer"
                " in use.",
                not_learned,
            )
            % {"n": not_learned}
        )
    if no_influence := facts.get("no_influence", 0):
        sentences.append(
            ngettext(
                "%(n)d passage that was found is in the training data of a model in use. We compared that model with models"
                " trained without it and could measure no influence, within limits fixed beforehand. We have not changed"
                " the model for it.",
                "%(n)d passages that were found are in the training data of models in use. We compared each of these models"
                " with models trained without them and could measure no influence, within limits fixed beforehand. We have"
                " not changed any model for them.",
                no_influence,
            )
            % {"n": no_influence}
        )
    return sentences
