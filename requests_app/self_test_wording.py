"""Puts into words what a search finds of copies of the request's own words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import Search
from .search_wording import query_words

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
    "initial": gettext_lazy("with initials for the given names"),
    "first_family_name": gettext_lazy("with the first of two family names alone"),
    "syllables": gettext_lazy("with the syllables of the given name together, with a hyphen, or apart"),
    "other_romanisation": gettext_lazy("in another usual spelling of its syllables"),
    "in_latin_letters": gettext_lazy("in Latin letters"),
    "other_characters": gettext_lazy("in traditional, simplified or Japanese forms of its characters"),
    "typing_error": gettext_lazy("with one typing error in any of its parts"),
    "for_robots": gettext_lazy("spelt out to mislead robots"),
}


def self_test_sentences(search: Search) -> list[str]:
    """Return what the search finds of copies of the request's own words; empty if it was not tested."""
    sentences = []
    for one in search.self_test:
        facts = {"n": one["planted"], "found": one["found"], "query": query_words(one["query"])}
        facts["edit"] = EDITS.get(one["edit"], one["edit"])
        sentences.append(_("Of %(n)d copies of %(query)s %(edit)s, this search finds %(found)d.") % facts)
    if sentences and any(target.get("read", {}).get("by") == "index" for target in search.targets):
        sentences.append(
            _("These copies were read in full, and not from the index that answered this search: both find the same.")
        )
    return sentences
