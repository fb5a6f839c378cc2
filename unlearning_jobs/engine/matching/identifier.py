"""Searches for e-mail addresses, handles, web addresses, telephone numbers and other numbers by their normal forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from typing import Final

from .candidates import query_terms
from .identifier_address import anchors, place_of
from .identifier_escapes import Unescaped, all_unescaped
from .identifier_form import Email, Handle, Number, Web, identifier_form
from .identifier_number import NumberFinder
from .names.matcher import best_spans
from .needs import Needs
from .query import EVERY, Query, Span
from .words import words

RULED: Final = 0.95
"""What each rule about the characters leaves of a score."""


class IdentifierMatcher:
    """Finds identifiers with the same normal form. It allows no typing errors: one letter more is another person.

    Whatever is not written as it was asked for is said by a rule (see `RULES`): tags and dots of the same mailbox, spellings
    against robots, escapes, pages and addresses of a domain, separators and country codes.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._addresses: defaultdict[str, list[tuple[str, Email | Web | Handle]]] = defaultdict(list)
        self._webs: set[str] = set()
        numbers: list[tuple[str, Number, str]] = []
        for query in queries:
            form = identifier_form(query.value)
            if isinstance(form, Number):
                numbers.append((query.id, form, query.value.strip()))
            else:
                if isinstance(form, Web):
                    self._webs.add(query.id)
                for word in anchors(form):
                    self._addresses[word].append((query.id, form))
        self._numbers = NumberFinder(numbers)

    @staticmethod
    def needs(query: Query) -> Needs:
        """Return the words that a text with a match holds, by the keys under which an index files them."""
        return Needs(query_terms(query), filed=True, escapes=True)

    def spans(self, text: str, wanted: Container[str] = EVERY) -> Iterator[Span]:
        """Yield the places of the identifiers in the text, in its order; of places that overlap, the best."""
        seen, *without_blanks = all_unescaped(text)
        found = [*self._found(seen, wanted)]
        for other in without_blanks:  # a blank ends a web address, so that it would be another one
            found += (span for span in self._found(other, wanted) if span.query not in self._webs)
        yield from best_spans(found)

    def _found(self, seen: Unescaped, wanted: Container[str]) -> Iterator[Span]:
        """Yield the places of the identifiers in the raw text."""
        tokens = words(seen.text)
        spans = [span for span in self._numbers.spans(seen.text, tokens) if span.query in wanted]
        for token in tokens:
            for query, form in self._addresses.get(token.text, ()):
                if query in wanted and (place := place_of(form, seen.text, token.start)):
                    spans.append(Span(query, place.start, place.end, place.score, place.because))
        for span in best_spans(spans):
            rules = seen.rules(span.start, span.end)
            score = round(span.score * RULED ** len(rules), 4)
            yield Span(span.query, *seen.place(span.start, span.end), score, (*span.because, *rules))
