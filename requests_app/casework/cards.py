"""Matches as the pages show them: the document with what was found in it, where it comes from, and why it was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from requests_app.models import Match
from requests_app.review import Cluster
from requests_app.search_wording import query_words
from requests_app.services.mapping import BY_HAND
from requests_app.services.matches import BY_MEANING, by_meaning_alone, is_learned
from requests_app.services.searches import COPY
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import examples_by_id, shows_images
from unlearning_jobs.wording import rule_sentence

from .passages import excerpt, mark_spans

PAGE_SIZE = 20
MOST_COMPARED = 20
"""Examples of a cluster whose other columns are compared: a page stays quick, whatever a cluster holds."""
DECISION_TONES = {
    Match.Decision.OPEN: "warning",
    Match.Decision.ACCEPTED: "success",
    Match.Decision.REJECTED: "neutral",
}
FOUND_BY: dict[str, Any] = {
    "exact": pgettext_lazy("found by", "same text"),
    COPY: pgettext_lazy("found by", "same content as an accepted match"),
    "name": pgettext_lazy("found by", "name"),
    "identifier": pgettext_lazy("found by", "identifier"),
    "key": pgettext_lazy("found by", "value of a column"),
    "image": pgettext_lazy("found by", "similar picture"),
    BY_MEANING: pgettext_lazy("found by", "meaning"),
    BY_HAND: pgettext_lazy("found by", "an officer, by hand"),
}
UNLEARNED: dict[str, Any] = {
    "held_out": gettext_lazy(
        "Held out: no model is trained on it. It measures models, and the vocabularies of text models are made from it."
    ),
    "validation": gettext_lazy(
        "Validation: no model is trained on it. It measures models, and the vocabularies of text models are made from it."
    ),
    "test": gettext_lazy(
        "Test: no model is trained on it. It measures models, and the vocabularies of text models are made from it."
    ),
}
OTHER_SET = gettext_lazy("A set of its own: no model is trained on it. The vocabularies of text models are made from it.")
ACCEPTING_UNLEARNED = gettext_lazy(
    "If you accept it, no model is changed and no item is created for it: it counts as found in data that no model was"
    " trained on, and the letter says how many vocabularies were made from it. It stays in the corpus until an engineer"
    " registers one without it."
)


def set_word(name: str) -> str:
    """Return what a set is called; matches found before it was kept have none."""
    words = {
        "": _("set not kept"),
        "train": _("training set"),
        "held_out": _("held-out set"),
        "validation": _("validation set"),
        "test": _("test set"),
    }
    return words.get(name, name)


def method_word(method: str) -> str:
    """Return by what a match was found, in words."""
    return str(FOUND_BY.get(method, method))


def matches_shown(rows: QuerySet[Match]) -> dict[str, Any]:
    """Return the context of `casework/_matches_shown.html`: the first matches with their passages, and their number."""
    page = rows.select_related("snapshot__corpus", "decided_by").order_by("snapshot", "-score", "id")[:PAGE_SIZE]
    return {"cards": list(cards(page)), "matches_total": rows.count()}


def cluster_cards(clusters: Iterable[Cluster]) -> list[dict[str, Any]]:
    """Return a card for the lead of each cluster, in a few queries."""
    by_lead = {cluster.lead: cluster for cluster in clusters}
    leads = Match.objects.select_related("snapshot__corpus", "decided_by").in_bulk(by_lead)
    shown, columns = cards(leads[pk] for pk in by_lead if pk in leads), _columns_that_differ(by_lead.values(), leads)
    return [card | _cluster(by_lead[card["match"].pk], columns) for card in shown]


def _columns_that_differ(clusters: Iterable[Cluster], leads: Mapping[int, Match]) -> dict[int, list[str]]:
    """Return, by the lead of a cluster, the columns besides the text in which its first examples differ."""
    compared = {pk: cluster.lead for cluster in clusters if cluster.size > 1 for pk in cluster.ids[:MOST_COMPARED]}
    snapshots = {lead.snapshot_id: lead.snapshot for lead in leads.values()}
    rows = Match.objects.filter(pk__in=compared).only("snapshot_id", "example_id").order_by("snapshot", "pk")
    columns: defaultdict[int, list[Mapping[str, str]]] = defaultdict(list)
    for pk, group in groupby(rows, key=lambda match: match.snapshot_id):
        own = list(group)
        examples = _examples(snapshots[pk], own)
        for match in own:
            if match.example_id in examples:
                columns[compared[match.pk]].append(examples[match.example_id].columns)
    return {
        lead: [name for name in dict.fromkeys(chain(*found)) if len({one.get(name) for one in found}) > 1]
        for lead, found in columns.items()
    }


def _cluster(cluster: Cluster, columns: Mapping[int, Sequence[str]]) -> dict[str, Any]:
    several = cluster.size > 1
    return {
        "columns": ", ".join(columns.get(cluster.lead, ())),
        "cluster": cluster if several else None,
        "token": token_of(cluster),
        "to_decide": cluster.to_decide,
        "one_by_one": several and cluster.by_meaning > 0,
    }


def token_of(cluster: Cluster) -> str:
    """Return how buttons name a cluster, or a match that stands by itself (`requests_app.review.chosen_ids`)."""
    return f"cluster-{cluster.number}" if cluster.size > 1 else str(cluster.lead)


def cards(matches: Iterable[Match]) -> Iterator[dict[str, Any]]:
    """Yield a card for each match, in their order. Matches of one snapshot that follow each other are read at once."""
    place = None
    for snapshot, group in groupby(matches, key=lambda match: match.snapshot):
        rows = list(group)
        examples, images = _examples(snapshot, rows), shows_images(snapshot)
        for match in rows:
            heading = place != (snapshot.pk, match.example_set)
            place = (snapshot.pk, match.example_set)
            yield _card(match, snapshot, examples.get(match.example_id)) | {
                "heading": heading,
                "image": images and match.example_id in examples,
            }


def _card(match: Match, snapshot: CorpusSnapshot, example: Example | None) -> dict[str, Any]:
    text = example.document if example else ""
    short, full = excerpt(text, match.spans), mark_spans(text, match.spans)
    return {
        "match": match,
        "snapshot": snapshot,
        "set": set_word(match.example_set),
        "tone": DECISION_TONES[Match.Decision(match.decision)],
        "found_by": ", ".join(method_word(method) for method in match.methods),
        "asked": "; ".join(dict.fromkeys(map(query_words, match.queries))),
        "because": [rule_sentence(code) for code in match.because],
        "by_meaning": by_meaning_alone(match),
        "unlearned": "" if is_learned(match) else UNLEARNED.get(match.example_set, OTHER_SET),
        "accepting": "" if is_learned(match) else ACCEPTING_UNLEARNED,
        "missing": example is None,
        "short": short,
        "full": full if any(segment.cut for segment in short) else [],
        "provenance": provenance(example) if example else [],
    }


def provenance(example: Example) -> list[tuple[str, str]]:
    """Return where an example comes from, as far as its snapshot says, and its other columns."""
    source, rows = example.source, []
    if source:
        rows = [(_("File"), source.file), (_("Row"), str(source.row)), (_("Id in the source"), source.source_id or "")]
    return [(name, value) for name, value in rows if value] + list(example.columns.items())


def _examples(snapshot: CorpusSnapshot, rows: Iterable[Match]) -> Mapping[str, Example]:
    """Return the examples by id; none if the snapshot cannot be read."""
    try:
        return examples_by_id(snapshot, [row.example_id for row in rows])
    except CorpusError:
        return {}
