"""Puts into words what a search asked for, what answered it, what could not be searched and why.

Claimants, officers and letters read the same sentences. They come from the rows of `Search` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .models import Search
from .search_facts import FINDS_NOTHING, Gap, answered, gaps, looked_for, looked_for_anywhere

OBSTACLES: dict[str, object] = {
    "nothing_to_search_for": gettext_lazy("there is nothing in it to search for"),
    "single_word": gettext_lazy("it is a single word, which could not be searched for as a name"),
    "script_without_spaces": gettext_lazy("it is written without spaces between words, and the search looks for words"),
    "not_an_identifier": gettext_lazy("it is neither an e-mail address, nor an account name, nor a web address"),
    "not_an_image": gettext_lazy("it is no picture that can be read"),
    "image_too_large": gettext_lazy("the picture is too large"),
    FINDS_NOTHING: gettext_lazy("in a test, it found not one copy of it as it was written"),
    "too_short": gettext_lazy("it is so short that too many texts contain it by chance"),
    "too_many": gettext_lazy("there are too many addresses, and only the first ones were searched for"),
    "no_address": gettext_lazy("it contains neither an address nor an account name after an @"),
    "only_addresses": gettext_lazy("besides addresses and account names after an @, nothing in it was searched for"),
    "no_encoder": gettext_lazy("nothing is set up here that compares meanings"),
    "bad_encoder": gettext_lazy("what compares meanings could not be started"),
}
WHY_NOT_ASKED: dict[str, object] = {
    "no_index": gettext_lazy("it has no index"),
    "index_waits": gettext_lazy("its index was not built yet"),
    "index_failed": gettext_lazy("its index could not be built"),
    "index_gone": gettext_lazy("its index was gone, and is built again"),
    "index_damaged": gettext_lazy("its index was damaged, and is built again"),
    "index_changed": gettext_lazy("its index was written to while it was asked"),
    "index_of_another_snapshot": gettext_lazy("the index in its place was of another snapshot, and is built again"),
    "index_of_another_version": gettext_lazy("its index was built by another version, and is built again"),
    "no_encoder": OBSTACLES["no_encoder"],
    "bad_encoder": OBSTACLES["bad_encoder"],
    "not_text": gettext_lazy("it holds no texts"),
    "not_images": gettext_lazy("it holds no pictures"),
}
"""Why training data was read in full, or something could not be searched for in it."""
NOTES: dict[str, object] = {
    "not_exhaustive": gettext_lazy("It finds what is close, and may miss some of it. It never shows that nothing is there."),
    "query_shortened": gettext_lazy("The text is long; parts from all over it were searched for."),
    "more_above_floor": gettext_lazy("More is close than is shown."),
    "not_all_compared": gettext_lazy(
        "The training data is large; the closest places were looked for without comparing all of them."
    ),
    "no_background": gettext_lazy("The training data is too small to say how close is close; the closest places are shown."),
    "images_alike": gettext_lazy("These pictures are so much alike that only nearly equal ones count as copies."),
}
"""What must be said with an answer by meaning or about pictures (`engine.matching.index.part.NOTES`)."""
MEANING = "-meaning"
COLUMN = "-key-"
WITHOUT_ENCODER = ("no_encoder", "bad_encoder")


def query_words(query_id: str) -> str:
    """Return what a query asks for, without its words."""
    if query_id.endswith(MEANING):
        return _("%(query)s, by its meaning") % {"query": query_words(query_id.removesuffix(MEANING))}
    names = {
        "name": _("the name"),
        "email": _("the e-mail address"),
        "work": _("the text of the work"),
        "title": _("the title of the work"),
        "picture": _("the picture of the work"),
        "prompt": _("what the model was asked"),
        "output": _("what the model answered"),
        "location": _("where it was seen"),
    }
    of, _hyphen, number = query_id.partition(COLUMN)[0].partition("-")
    if of == "other":
        return _("other name or account number %(n)s") % {"n": number}
    return _("address number %(n)s of where it was seen") % {"n": number} if number else names.get(of, of)


def queries_words(search: Search, ids: Iterable[str]) -> list[str]:
    """Return what queries of a search ask for, each once. What was not looked for itself was in columns of rows at most."""
    missing = {gap.query for gap in gaps(search) if not gap.snapshots}
    return list(dict.fromkeys(_query_words(one, missing) for one in ids))


def _query_words(query_id: str, missing: Collection[str]) -> str:
    of, column, _name = query_id.partition(COLUMN)
    if column and of in missing:
        return _("%(query)s, as the value of a column") % {"query": query_words(of)}
    return query_words(query_id)


def searched_sentences(search: Search | None) -> list[str]:
    """Return what a search covered."""
    if search is None:
        return []
    found = looked_for_anywhere(search)
    asked = [query["id"] for query in search.queries if query["id"] in found]
    read = [target for target in search.targets if target["outcome"] != Search.Target.UNREADABLE]
    if not asked or not read:
        return [_("Nothing could be searched.")]
    in_use, trained = ([one for one in read if bool(one.get("training")) == training] for training in (False, True))
    sentence = ngettext(
        "The training data that we have of %(n)d model in use was searched on %(day)s.",
        "The training data that we have of %(n)d models in use was searched on %(day)s.",
        len(in_use),
    )
    if not in_use:
        sentence = _("No model was in use. Training data was searched on %(day)s.")
    day = date_format(localtime(search.finished_at), "DATE_FORMAT")
    sentences = [sentence % {"n": len(in_use), "day": day}, *_asked_sentences(search, asked, read)]
    if trained:
        sentences.append(
            ngettext(
                "This search covered the data from which %(n)d model was being trained.",
                "This search covered the data from which %(n)d models were being trained.",
                len(trained),
            )
            % {"n": len(trained)}
        )
    if any(answer["query"].endswith(MEANING) for answer in answered(search)):
        sentences.append(_("A search by meaning finds what is close, and may miss some of it."))
    if any(answer["query"] == "picture" for answer in answered(search)):
        sentences.append(_("A search for copies of a picture finds what is close, and may miss some of it."))
    return sentences


def _asked_sentences(search: Search, asked: Sequence[str], read: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what was looked for in all training data that was read, and what in a part of it alone."""
    of_each = [looked_for(search, target) for target in read]
    within: dict[int, list[str]] = {}  # in the training data of so many models
    for query in asked:
        within.setdefault(sum(query in found for found in of_each), []).append(query)
    sentences = []
    for models, ids in sorted(within.items(), reverse=True):
        everywhere = _("The search looked for: %(queries)s.")
        somewhere = ngettext(
            "In the training data of %(n)d model alone, it looked for: %(queries)s.",
            "In the training data of %(n)d models alone, it looked for: %(queries)s.",
            models,
        )
        facts = {"n": models, "queries": "; ".join(queries_words(search, ids))}
        sentences.append((everywhere if models == len(read) else somewhere) % facts)
    return sentences


def missing_sentences(search: Search | None) -> list[str]:
    """Return what a search did not cover, and why; empty if it covered everything."""
    if search is None:
        return [_("What was searched was not kept.")]
    outcomes = [target["outcome"] for target in search.targets]
    sentences = [] if outcomes else [_("No model was in use, so there was no training data to search.")]
    if unreadable := outcomes.count(Search.Target.UNREADABLE):
        sentences.append(
            ngettext(
                "The training data of %(n)d model, in use or being trained, could not be read.",
                "The training data of %(n)d models, in use or being trained, could not be read.",
                unreadable,
            )
            % {"n": unreadable}
        )
    if started := sum(bool(target.get("checkpoint_sha256")) for target in search.targets):
        sentences.append(
            ngettext(
                "%(n)d model, in use or being trained, starts from another model, its checkpoint. We do not have the data"
                " that this was trained on, and did not search them: only those on which the model was trained further.",
                "%(n)d models, in use or being trained, start from other models, their checkpoints. We do not have the data"
                " that these were trained on, and did not search them: only those on which the models were trained further.",
                started,
            )
            % {"n": started}
        )
    if declared := sum(bool(target.get("declared")) for target in search.targets):
        sentences.append(
            ngettext(
                "%(n)d model, in use or being imported, was trained elsewhere. What counts as its training data is what was"
                " declared to us; none of us watched that training, and we looked nowhere else.",
                "%(n)d models, in use or being imported, were trained elsewhere. What counts as their training data is what"
                " was declared to us; none of us watched that training, and we looked nowhere else.",
                declared,
            )
            % {"n": declared}
        )
    if Search.Target.TEXTS_ONLY in outcomes:
        sentences.append(_texts_only(search))
    if unsearched := _unsearched(search):
        sentences.append(
            ngettext(
                "%(n)d example could not be searched to its end: it took too long.",
                "%(n)d examples could not be searched to their end: they took too long.",
                unsearched,
            )
            % {"n": unsearched}
        )
    encoders = [gap for gap in gaps(search) if gap.why in WITHOUT_ENCODER and not gap.snapshots]
    sentences += [_gap_sentence(gap) for gap in gaps(search) if gap not in encoders and not _repeats(search, gap)]
    if encoders:
        sentences.append(
            _("The search looked for the words themselves, and not for others of the same meaning: %(why)s.")
            % {"why": OBSTACLES[encoders[0].why]}
        )
    return sentences


def _repeats(search: Search, gap: Gap) -> bool:
    """Return whether a search by meaning lacks only what the one for the words themselves lacks as well."""
    words = gap.query.removesuffix(MEANING)
    return words != gap.query and any((one.query, one.why) == (words, gap.why) for one in gaps(search))


def _gap_sentence(gap: Gap) -> str:
    facts = {"query": query_words(gap.query), "n": gap.snapshots}
    if not gap.snapshots:
        return _("The search could not look for %(query)s: %(why)s.") % (facts | {"why": OBSTACLES.get(gap.why, gap.why)})
    sentence = ngettext(
        "In %(n)d snapshot of training data, the search could not look for %(query)s: %(why)s.",
        "In %(n)d snapshots of training data, the search could not look for %(query)s: %(why)s.",
        gap.snapshots,
    )
    return sentence % (facts | {"why": WHY_NOT_ASKED.get(gap.why, gap.why)})


def _texts_only(search: Search) -> str:
    if any(answer["query"] == "picture" for answer in answered(search)):
        return _("Pictures were compared with the one that was handed in, and texts beside them were read: nothing else.")
    return _("Of images and tables, the search read the texts beside them, not their contents.")


def _unsearched(search: Search) -> int:
    return len({(one["snapshot_sha256"], example_id) for one in search.targets for example_id in one.get("unsearched", ())})


def read_sentence(target: dict[str, Any]) -> str:
    """Return how the texts of one snapshot were searched; empty if that was not kept."""
    read = target.get("read") or {}
    if read.get("by") == "sweep":
        why = WHY_NOT_ASKED.get(read["why"], read["why"])
        return _("Read in full, because %(why)s.") % {"why": why}
    if read.get("by") != "index":
        return ""
    facts = {"snapshot": target["snapshot"], "version": read["version"], "digest": read["index_sha256"][:12]}
    sentence = _("Answered from the index of %(snapshot)s (%(version)s, %(digest)s).") % facts
    if not target.get("swept"):
        return sentence
    queries = "; ".join(dict.fromkeys(map(query_words, target["swept"])))
    return f"{sentence} " + _("Read in full for: %(queries)s.") % {"queries": queries}


def answer_sentences(search: Search) -> list[str]:
    """Return what answered each search by meaning or for a picture, how many it found, and what must be known of it."""
    sentences = []
    snapshots = {target["snapshot_sha256"]: target["snapshot"] for target in search.targets}
    for answer in answered(search):
        facts = {
            "query": query_words(answer["query"]),
            "snapshot": snapshots.get(answer["snapshot_sha256"], answer["snapshot_sha256"][:12]),
            "version": answer["version"],
            "digest": answer["index_sha256"][:12],
            "compared": answer["compared"],
            "found": answer["found"],
        }
        sentence = _(
            "For %(query)s, %(compared)d places in %(snapshot)s were compared (%(version)s, %(digest)s); close: %(found)d."
        )
        notes = (str(NOTES.get(note, note)) for note in answer["notes"])
        sentences.append(" ".join((sentence % facts, *notes)))
    return sentences
