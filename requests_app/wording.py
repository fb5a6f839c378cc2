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

RUNS_USED_UP = "runs_used_up"

OBSTACLES: dict[str, object] = {
    "nothing_to_search_for": gettext_lazy("it contains no letters or digits"),
    "single_word": gettext_lazy("it is a single word, which could not be searched for as a name"),
    "script_without_spaces": gettext_lazy("it is written without spaces between words, and the search looks for words"),
    "not_an_identifier": gettext_lazy("it is neither an e-mail address, nor an account name, nor a web address"),
}


HOW_WORDS: dict[str, object] = {
    "cluster": gettext_lazy("as one group of near-identical examples"),
    "shown": gettext_lazy("all that were shown"),
    "score": gettext_lazy("all from a score upwards"),
}


def search_error_words(code: str, runs: int) -> str:
    """Return why a search failed."""
    if code == RUNS_USED_UP:
        return ngettext(
            "Its process ended %(n)d time without a result. Often the machine has too little memory.",
            "Its process ended %(n)d times without a result. Often the machine has too little memory.",
            runs,
        ) % {"n": runs}
    return _("The search cannot be done (%(code)s). Ask an engineer to look at the log of the worker.") % {"code": code}


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
    if unsearched := _unsearched(search):
        sentences.append(
            ngettext(
                "%(n)d example could not be searched to its end: it took too long.",
                "%(n)d examples could not be searched to their end: they took too long.",
                unsearched,
            )
            % {"n": unsearched}
        )
    return sentences + [
        _("The search could not look for %(query)s: %(why)s.")
        % {"query": query_words(query["id"]), "why": OBSTACLES.get(query["obstacle"], query["obstacle"])}
        for query in search.queries
        if query["obstacle"]
    ]


def _unsearched(search: Search) -> int:
    return len(
        {(target["snapshot_sha256"], example) for target in search.targets for example in target.get("unsearched", ())}
    )


EDITS: dict[str, object] = {
    "changed_5": gettext_lazy("with one word in twenty changed"),
    "changed_10": gettext_lazy("with one word in ten changed"),
    "changed_20": gettext_lazy("with one word in five changed"),
    "excerpt_25": gettext_lazy("cut to 25 words within another text"),
    "as_written": gettext_lazy("as you wrote it"),
    "upper_case": gettext_lazy("in capitals"),
    "reformatted": gettext_lazy("without punctuation, in other lines"),
    "markup": gettext_lazy("with the markup of web pages"),
    "decomposed": gettext_lazy("with accents as characters of their own"),
    "family_first": gettext_lazy("with the family name first"),
    "initial": gettext_lazy("with an initial for the given name"),
    "typing_error": gettext_lazy("with a typing error"),
    "for_robots": gettext_lazy("spelt out to mislead robots"),
}


def self_test_sentences(search: Search) -> list[str]:
    """Return what the search finds of copies of the request's own words; empty if it was not tested."""
    sentences = []
    for one in search.self_test:
        facts = {"n": one["planted"], "found": one["found"], "query": query_words(one["query"])}
        facts["edit"] = EDITS.get(one["edit"], one["edit"])
        sentences.append(_("Of %(n)d copies of %(query)s %(edit)s, this search finds %(found)d.") % facts)
    return sentences


def done_sentences(released: Mapping[str, int]) -> list[str]:
    """Return what was done to models, by what the methods guarantee (guarantee -> number of models)."""
    sentences = []
    if exact := released.get("exact", 0):
        sentences.append(
            ngettext(
                "%(n)d model was replaced by one as it would be if it had never learned from what we agreed to remove.",
                "%(n)d models were replaced by ones as they would be if they had never learned from what we agreed to"
                " remove.",
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
                "%(n)d passage that was found is in data that no model in use was trained on.",
                "%(n)d passages that were found are in data that no model in use was trained on.",
                not_learned,
            )
            % {"n": not_learned}
        )
    if no_influence := facts.get("no_influence", 0):
        sentences.append(
            ngettext(
                "%(n)d passage that was found is in the training data of a model in use. We compared that model with models"
                " trained without it and could measure no influence, within limits fixed beforehand. We have left it in"
                " that model.",
                "%(n)d passages that were found are in the training data of a model in use. We compared that model with"
                " models trained without them and could measure no influence, within limits fixed beforehand. We have"
                " left them in that model.",
                no_influence,
            )
            % {"n": no_influence}
        )
    if vocabularies := facts.get("vocabularies", 0):
        sentences.append(
            ngettext(
                "The vocabulary of %(n)d model in use, the list of parts of words and words that it reads with, was made"
                " from data that these passages are in. It can contain single words of them, such as a name. We have not"
                " changed it.",
                "The vocabularies of %(n)d models in use, the lists of parts of words and words that they read with,"
                " were made from data that these passages are in. They can contain single words of them, such as a"
                " name. We have not changed them.",
                vocabularies,
            )
            % {"n": vocabularies}
        )
    return sentences
