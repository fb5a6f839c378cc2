"""Puts samples of what a search had not found into words: what one takes, how far it is, what follows from it, and since.

Good and bad news read alike: all follow from the row of the sample and its examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.formats.samples import CONFIDENCE, GROUPS, group_confidence, upper_share
from requests_app.models import Match, MissedSample, SampledExample, Search
from unlearning_jobs.engine.matching import VERSION
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.states import JobState

from .wording import SEARCHED_AGAIN, search_error_words

GROUP_WORDS: dict[str, Any] = {
    "part_of_name": gettext_lazy("holds a part of the name"),
    "rest": gettext_lazy("holds no part of the name"),
}


@dataclass(frozen=True)
class Tally:
    """A group of a sample: how many the search had not found, were drawn, are left to look at, and are about the person."""

    group: str
    population: int
    drawn: int
    left: int
    about: int

    @property
    def expected(self) -> float:
        return self.about * self.population / self.drawn if self.drawn else 0.0


def tallies(sample: MissedSample) -> list[Tally]:
    """Return the groups of a sample that was drawn."""
    open_, about = (Count("pk", filter=Q(mark=mark)) for mark in (SampledExample.Mark.OPEN, SampledExample.Mark.ABOUT))
    rows = sample.examples.order_by().values("group").annotate(drawn=Count("pk"), left=open_, about=about)
    found = {row["group"]: (row["drawn"], row["left"], row["about"]) for row in rows}
    return [Tally(group, sample.populations.get(group, 0), *found.get(group, (0, 0, 0))) for group in GROUPS]


def ahead_sentence(size: int) -> str:
    """Say what a sample of this size takes, and what it gives at best."""
    share = 100 * float(upper_share(size, 0, group_confidence(len(GROUPS))))
    facts = {"most": len(GROUPS) * size, "size": size, "share": number_format(share, 1)}
    return (
        _(
            "%(size)d of each group: up to %(most)d examples to look at. If none of %(size)d is about the person, at most"
            " %(share)s %% of their group may be."
        )
        % facts
    )


def progress_sentence(sample: MissedSample) -> str:
    """Say how far a sample is that is not finished."""
    if sample.state == JobState.QUEUED:
        return _("The sample waits for a worker.") if not sample.runs else _("The sample waits to be drawn again.")
    if sample.state == JobState.RUNNING:
        return _("The sample is being drawn.")
    if sample.state == JobState.FAILED:
        return _("The sample could not be drawn.") + " " + _failure_words(sample.error_code, sample.runs)
    if sample.state == JobState.CANCELLED:
        return _("The sample was not drawn: the request was closed.")
    groups = tallies(sample)
    facts = {"n": sum(one.left for one in groups), "all": sum(one.drawn for one in groups)}
    sentence = _("Left to look at: %(n)d of %(all)d. Nothing follows from the sample before all were looked at.")
    return sentence % facts if facts["n"] else _("All examples were looked at. The sample is not finished yet.")


def _failure_words(code: str, runs: int) -> str:
    if code == SEARCHED_AGAIN:
        return _("Another search ended before. Order a sample of what that one missed.")
    return search_error_words(code, runs)


def result_sentences(sample: MissedSample) -> list[str]:
    """Say what somebody saw who looked at all of a sample, and what follows for all that it was drawn from."""
    groups = tallies(sample)
    if not any(one.population for one in groups):
        said = [_("Nothing was left to draw: every example was a match by then, or had been erased. No bound follows.")]
        return [*said, _added_sentence(sample.added)] if sample.added else said
    looked, about = sum(one.drawn for one in groups), sum(one.about for one in groups)
    population = sum(one.population for one in groups)
    numbers = {"looked": looked, "n": about, "most": sample.at_most or 0, "all": population}
    numbers["expected"] = round(sum(one.expected for one in groups))
    facts = {name: number_format(number, force_grouping=True) for name, number in numbers.items()}
    facts["confidence"] = number_format(100 * CONFIDENCE, 0)
    seen = _(
        "Of %(all)s examples that were no matches when sample %(number)d was drawn, %(looked)s were drawn, and somebody"
        " looked at all of them."
    )
    if population == 1:
        seen = _("One example was no match when sample %(number)d was drawn, and somebody looked at it.")
    if about:
        found = ngettext(
            "%(n)s was about the person, and the search had missed it. It is among the matches now.",
            "%(n)s were about the person, and the search had missed them. They are among the matches now.",
            about,
        )
        expected = _("To be expected are about %(expected)s in all, these included.")
    else:
        found, expected = _("None was about the person."), ""
    bound = _("With %(confidence)s %% confidence, at most %(most)s of the %(all)s are about the person.")
    others = ""
    if any(count for name, count in sample.snapshot.counts.items() if name != "train"):
        others = _("Held-out and test examples are among them: the bound counts those too.")
    said = [sentence % {**facts, "number": sample.number} for sentence in (seen, found, expected, bound, others) if sentence]
    said += _several_sentences(sample)
    return [*said, _added_sentence(sample.added)] if sample.added else said


def _several_sentences(sample: MissedSample) -> list[str]:
    """Say what several samples of one search prove together, so that nobody takes the smallest bound alone."""
    count = sample.request.samples.filter(
        search=sample.search_id, snapshot=sample.snapshot_id, looked_at__isnull=False
    ).count()
    if count < 2:  # noqa: PLR2004  # one alone
        return []
    facts = {"n": count, "search": sample.search.number, "confidence": number_format(100 * CONFIDENCE, 0)}
    facts["together"] = number_format(max(0, 100 - count * round(100 * (1 - CONFIDENCE))), 0)
    sentence = _(
        "It is one of %(n)d finished samples of search %(search)d in this snapshot. Each bound holds with %(confidence)s %%"
        " confidence, all of them together with at least %(together)s %%: whoever chooses the smallest proves no more than"
        " that."
    )
    return [sentence % facts]


def _added_sentence(count: int) -> str:
    """Say what no search had found, and the sample does not count, because it was known when it was drawn."""
    sentence = ngettext(
        "Besides, %(n)s accepted match had been added by hand or as a copy: no search for the name had found it until then.",
        "Besides, %(n)s accepted matches had been added by hand or as copies: no search for the name had found them until"
        " then.",
        count,
    )
    return sentence % {"n": number_format(count, force_grouping=True)}


def said_sentences(sample: MissedSample) -> list[str]:
    """Say what follows from a sample, or how far it is while nothing does."""
    return result_sentences(sample) if sample.is_finished else [progress_sentence(sample)]


def unfinished_sentence(sample: MissedSample) -> str:
    """Say that a sample is not finished, and what that means for whoever ends the review."""
    facts = {"number": sample.number, "progress": progress_sentence(sample)}
    return (
        _(
            "Sample %(number)d is not finished. %(progress)s What is found in it can be added only while the request is"
            " under review."
        )
        % facts
    )


def since_sentences(sample: MissedSample, last: Search | None) -> list[str]:
    """Say what has changed since, so that the sample says nothing about it."""
    sentences = []
    if last and last.pk != sample.search_id:
        facts = {"number": sample.search.number, "last": last.number}
        sentence = _("This sample is of search %(number)d, and says nothing about what search %(last)d missed.")
        sentences.append(sentence % facts)
    if sample.search.matcher != VERSION or sample.matcher not in ("", sample.search.matcher):
        sentences.append(_("How texts are searched has changed since that search: another search may miss something else."))
    newer = CorpusSnapshot.objects.filter(corpus=sample.snapshot.corpus_id, pk__gt=sample.snapshot_id)
    if newer.exists():
        sentence = _("The corpus has changed since: this sample is from %(snapshot)s.")
        sentences.append(sentence % {"snapshot": sample.snapshot})
    if count := _accepted_since(sample):
        sentence = ngettext(
            "%(n)d example that somebody said is not about the person is an accepted match by now. What follows from the"
            " sample does not count it.",
            "%(n)d examples that somebody said are not about the person are accepted matches by now. What follows from the"
            " sample does not count them.",
            count,
        )
        sentences.append(sentence % {"n": count})
    return sentences


def _accepted_since(sample: MissedSample) -> int:
    """Count the examples of a finished sample that were said not to be about the person, and are accepted by now."""
    if not sample.is_finished:
        return 0
    accepted = sample.request.matches.filter(snapshot=sample.snapshot_id, decision=Match.Decision.ACCEPTED)
    others = sample.examples.filter(mark=SampledExample.Mark.OTHER)
    return others.filter(example_id__in=accepted.values("example_id")).count()


def ordered_words(data: Mapping[str, Any]) -> str:
    """Return the entry about an order in words."""
    facts = {"number": data["sample"], "search": data["search"], "size": data["size"]}
    return _("Sample %(number)d, of search %(search)d: up to %(size)d examples of each group.") % facts


def drawn_words(data: Mapping[str, Any]) -> str:
    """Return the entry about a draw in words."""
    facts = {"number": data["sample"], "n": sum(len(group["drawn"]) for group in data["groups"])}
    facts["all"] = sum(group["population"] for group in data["groups"])
    sentence = _("Sample %(number)d: drawn %(n)d of the %(all)d that were no matches by then.") % facts
    return f"{sentence} {_added_sentence(data['added'])}" if data["added"] else sentence


def failed_words(data: Mapping[str, Any]) -> str:
    """Return the entry about a draw that failed in words."""
    return _failure_words(data["error"], data["runs"])


def finished_words(data: Mapping[str, Any]) -> str:
    """Return the entry about the end of a sample in words."""
    facts = {"number": data["sample"], "n": len(data["missed"]), "most": data["at_most"]}
    return _("Sample %(number)d: %(n)d about the person; at most %(most)d of all that it was drawn from.") % facts
